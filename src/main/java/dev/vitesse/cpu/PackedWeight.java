// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

/** A weight matrix in panels, packed again when its buffer has changed since. */
final class PackedWeight {
    private final CpuBuffer source;
    private final int offset;
    private final int rows;
    private final int columns;
    private final boolean transposed;
    private final ThreadTeam.Task packPanel;
    private float[] panels;
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
        panels = CpuBuffer.allocateFloats(source.name() + " packed", Packing.panelSize(depth(), width()));
        packPanel = transposed ? this::packTransposed : this::packStraight;
    }

    boolean matches(int otherOffset, int otherRows, int otherColumns, boolean otherTransposed) {
        return offset == otherOffset && rows == otherRows && columns == otherColumns && transposed == otherTransposed;
    }

    /** Rows of the right operand. */
    int depth() {
        return transposed ? columns : rows;
    }

    /** Columns of the right operand. */
    int width() {
        return transposed ? rows : columns;
    }

    /** The panels as {@link #refresh} left them. */
    float[] panels() {
        return panels;
    }

    /** Brings the panels up to date. */
    void refresh(ThreadTeam team) {
        if (packedVersion != source.version()) {
            team.run(Gemm.panels(width()), packPanel);
            packedVersion = source.version();
        }
    }

    private void packTransposed(int panel, int worker) {
        Packing.packTransposedPanel(source.floats(), offset, columns, columns, rows, panel, panels, 0);
    }

    private void packStraight(int panel, int worker) {
        int column = panel * Gemm.PANEL;
        int width = Math.min(Gemm.PANEL, columns - column);
        Packing.packPanels(source.floats(), offset + column, columns, rows, width, panels, column * rows);
    }

    void close() {
        panels = new float[0];
    }
}
