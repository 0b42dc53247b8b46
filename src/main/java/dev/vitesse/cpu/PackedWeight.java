// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

/**
 * A weight matrix in panels, packed again when its buffer has changed since.
 *
 * <p>A panel of a transposed matrix has the elements of some whole rows, so that panels can take the place of rows in
 * the buffer. They do, lest inference keep every weight twice, until somebody asks for rows ({@link CpuBuffer#floats}):
 * a training step, for one, which from then on has both.
 */
final class PackedWeight {
    private final CpuBuffer source;
    private final int offset;
    private final int rows;
    private final int columns;
    private final boolean transposed;
    private final ThreadTeam.Task packPanel;
    private float[] panels = new float[0];
    private boolean inPlace;
    private long packedVersion = -1;

    /**
     * @param transposed whether the right operand is the transpose of the stored matrix [rows, columns]
     */
    PackedWeight(CpuBuffer source, int offset, int rows, int columns, boolean transposed) {
        this.source = source;
        this.offset = offset;
        this.rows = rows;
        this.columns = columns;
        this.transposed = transposed;
        packPanel = transposed ? this::packTransposed : this::packStraight;
    }

    boolean matches(int otherOffset, int otherRows, int otherColumns, boolean otherTransposed) {
        return offset == otherOffset && rows == otherRows && columns == otherColumns && transposed == otherTransposed;
    }

    /** Whether these panels stand where {@code other} has elements. */
    boolean takesFrom(PackedWeight other) {
        return inPlace && offset < other.offset + other.rows * other.columns && other.offset < offset + rows * columns;
    }

    /** Rows of the right operand. */
    int depth() {
        return transposed ? columns : rows;
    }

    /** Columns of the right operand. */
    int width() {
        return transposed ? rows : columns;
    }

    /** The panels as {@link #refresh} left them, from {@link #panelsOffset} on. */
    float[] panels() {
        return panels;
    }

    int panelsOffset() {
        return inPlace ? offset : 0;
    }

    /** Brings the panels up to date. */
    void refresh(ThreadTeam team) {
        if (packedVersion == source.version()) {
            return;
        }
        boolean replaces = transposed && rows % Gemm.PANEL == 0 && source.packsInPlace(this);
        if (replaces) {
            panels = source.array();
            team.run(Gemm.panels(width()), this::replaceRows);
            source.replaced();
        } else {
            if (inPlace || panels.length == 0) {
                panels = CpuBuffer.allocateFloats(
                        source.name() + " packed", Packing.panelSize(depth(), width()));
            }
            source.floats();
            team.run(Gemm.panels(width()), packPanel);
        }
        inPlace = replaces;
        packedVersion = source.version();
    }

    private void replaceRows(int panel, int worker) {
        int first = offset + panel * Gemm.PANEL * columns;
        float[] copy = new float[Gemm.PANEL * columns];
        System.arraycopy(panels, first, copy, 0, copy.length);
        Packing.packTransposedPanel(copy, 0, columns, columns, Gemm.PANEL, 0, panels, first);
    }

    private void packTransposed(int panel, int worker) {
        Packing.packTransposedPanel(source.floats(), offset, columns, columns, rows, panel, panels, 0);
    }

    private void packStraight(int panel, int worker) {
        int column = panel * Gemm.PANEL;
        int width = Math.min(Gemm.PANEL, columns - column);
        Packing.packPanels(source.floats(), offset + column, columns, rows, width, panels, column * rows);
    }

    /** Puts rows back where panels have taken their place. */
    void restoreRows() {
        if (!inPlace) {
            return;
        }
        float[] panel = new float[Gemm.PANEL * columns];
        for (int first = offset; first < offset + rows * columns; first += panel.length) {
            System.arraycopy(panels, first, panel, 0, panel.length);
            for (int row = 0; row < Gemm.PANEL; row++) {
                for (int k = 0; k < columns; k++) {
                    panels[first + row * columns + k] = panel[k * Gemm.PANEL + row];
                }
            }
        }
        panels = new float[0];
        inPlace = false;
        packedVersion = -1;
    }

    void close() {
        panels = new float[0];
    }
}
