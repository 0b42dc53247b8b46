// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * One launch of a kernel, before anything was compiled.
 *
 * @param file the kernel file's name without its ending
 * @param kernel the kernel's name in it
 * @param macros by name; a program is compiled for each file and set of macros
 * @param arguments in the kernel's order: {@link TensorArgument}, {@link Integer}, {@link Float}
 * @param global work-items, a multiple of {@code local}
 * @param local work-items of a group
 */
record Launch(
        String file, String kernel, Map<String, Integer> macros, List<Object> arguments, long[] global, long[] local) {

    /** Two arguments in OpenCL: the buffer (null for a tensor that is not there) and the start in it. */
    record TensorArgument(@Nullable Operand operand) {}

    /**
     * The compiler options that define the macros, always in the same order. Without warnings: PoCL prints on stderr how
     * many there are, and compilers differ in what they warn of.
     */
    String options() {
        StringBuilder options = new StringBuilder("-cl-std=CL1.2 -w");
        macros.forEach((name, value) -> options.append(" -D ").append(name).append('=').append(value));
        return options.toString();
    }

    /** Collects the parts of a launch; {@link #over} or {@link #groups} ends it. */
    static final class Builder {
        private final Recording recording;
        private final String file;
        private final String kernel;
        private final Map<String, Integer> macros = new TreeMap<>();
        private final List<Object> arguments = new ArrayList<>();

        Builder(Recording recording, String file, String kernel) {
            this.recording = recording;
            this.file = file;
            this.kernel = kernel;
        }

        Builder define(String macro, int value) {
            macros.put(macro, value);
            return this;
        }

        Builder define(String macro, boolean value) {
            return define(macro, value ? 1 : 0);
        }

        Builder define(Map<String, Integer> sizes) {
            macros.putAll(sizes);
            return this;
        }

        /** Tensors or scratch, null where the kernel's macros leave an argument out. */
        Builder with(@Nullable Operand... operands) {
            for (Operand operand : operands) {
                arguments.add(new TensorArgument(operand));
            }
            return this;
        }

        /** Tensors of this backend, null where the kernel's macros leave an argument out. */
        Builder tensors(@Nullable Tensor... tensors) {
            for (Tensor tensor : tensors) {
                arguments.add(new TensorArgument(tensor == null ? null : recording.own(tensor)));
            }
            return this;
        }

        Builder with(int value) {
            arguments.add(value);
            return this;
        }

        /** 1 or 0. */
        Builder with(boolean value) {
            return with(value ? 1 : 0);
        }

        Builder with(float value) {
            arguments.add(value);
            return this;
        }

        /** Launches at least {@code items} work-items along each axis, in groups of {@code local} along the first. */
        void over(int local, long... items) {
            long[] locals = new long[items.length];
            Arrays.fill(locals, 1);
            locals[0] = local;
            launch(items, locals);
        }

        /** Launches {@code groups} work-groups of {@code local} work-items along each axis. */
        void groups(long[] groups, long... local) {
            long[] items = new long[groups.length];
            for (int axis = 0; axis < items.length; axis++) {
                items[axis] = groups[axis] * local[axis];
            }
            launch(items, local);
        }

        private void launch(long[] items, long... local) {
            long[] global = new long[items.length];
            long all = 1;
            for (int axis = 0; axis < items.length; axis++) {
                global[axis] = (items[axis] + local[axis] - 1) / local[axis] * local[axis];
                all *= global[axis];
            }
            if (all > 0) { // OpenCL has no empty launch
                recording.add(new Launch(file, kernel, new TreeMap<>(macros), List.copyOf(arguments), global, local));
            }
        }
    }
}
