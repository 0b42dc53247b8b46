// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;

/**
 * One call of one operation with everything that is needed to check or to time it on any backend.
 *
 * @param op the method of {@link Kernels}
 * @param parameters shapes and options, which with {@code op} make the case's name
 * @param operands every tensor of the call, and what {@code prepare} needs besides
 * @param prepare computes the {@link Operand.Role#PREPARED} operands, or null if there are none
 * @param call schedules the operation
 * @param flops additions, multiplications and function values of the formula
 */
public record KernelCase(
        String op, String parameters, List<Operand> operands, @Nullable Call prepare, Call call, long flops) {

    /** Schedules operations on a case's tensors. */
    @FunctionalInterface
    public interface Call {
        void schedule(Kernels kernels, Arguments arguments);
    }

    /** A case's tensors by name. */
    public record Arguments(Map<String, Tensor> tensors) {
        /** The tensor, or null if the case has none of that name: an optional argument that is not given. */
        public @Nullable Tensor get(String name) {
            return tensors.get(name);
        }
    }

    /** The tensors of the call. */
    public List<Operand> argumentOperands() {
        return operands.stream().filter(operand -> operand.role() != Operand.Role.SCRATCH).toList();
    }

    /** As tests print it and {@code -Dvitesse.case} finds it. */
    public String name() {
        return op + "(" + parameters + ")";
    }

    /** Bytes that have to be read and written at least. */
    public long bytes() {
        return operands.stream().mapToLong(Operand::traffic).sum();
    }

    /** What an input holds in round {@code round}, rounded to its type; depends on the names and the round alone. */
    public double[] values(Operand operand, int round) {
        SplittableRandom random = new SplittableRandom((name() + "/" + operand.name()).hashCode() + ((long) round << 32));
        double[] values = new double[operand.elements()];
        for (int i = 0; i < values.length; i++) {
            double value = operand.fill().value(random, i);
            values[i] = operand.type() == ElementType.INT32 ? (int) value : (float) value;
        }
        return values;
    }

    public static Builder builder(String op, String parameters, Object... values) {
        return new Builder(op, String.format(parameters, values));
    }

    /** Collects a case's operands. */
    public static final class Builder {
        private final String op;
        private final String parameters;
        private final List<Operand> operands = new ArrayList<>();
        private @Nullable Call prepare;

        private Builder(String op, String parameters) {
            this.op = op;
            this.parameters = parameters;
        }

        public Builder input(String name, Fill fill, int... shape) {
            return add(name, Operand.Role.INPUT, ElementType.FLOAT32, fill, Tolerance.EXACT, true, shape);
        }

        public Builder inputIf(boolean condition, String name, Fill fill, int... shape) {
            return condition ? input(name, fill, shape) : this;
        }

        public Builder ints(String name, Fill fill, int... shape) {
            return add(name, Operand.Role.INPUT, ElementType.INT32, fill, Tolerance.EXACT, true, shape);
        }

        public Builder prepared(String name, int... shape) {
            return add(name, Operand.Role.PREPARED, ElementType.FLOAT32, Fill.constant(0), Tolerance.EXACT, true, shape);
        }

        public Builder scratch(String name, int... shape) {
            return add(name, Operand.Role.SCRATCH, ElementType.FLOAT32, Fill.constant(0), Tolerance.EXACT, true, shape);
        }

        public Builder output(String name, Tolerance tolerance, int... shape) {
            return add(name, Operand.Role.OUTPUT, ElementType.FLOAT32, Fill.constant(0), tolerance, false, shape);
        }

        public Builder outputIf(boolean condition, String name, Tolerance tolerance, int... shape) {
            return condition ? output(name, tolerance, shape) : this;
        }

        /** An output whose right values may nearly all be zero. */
        public Builder sparseOutput(String name, Tolerance tolerance, int... shape) {
            return add(name, Operand.Role.OUTPUT, ElementType.FLOAT32, Fill.constant(0), tolerance, true, shape);
        }

        public Builder updated(String name, Fill fill, Tolerance tolerance, int... shape) {
            return add(name, Operand.Role.UPDATED, ElementType.FLOAT32, fill, tolerance, false, shape);
        }

        /** An updated operand that may nearly all become zero. */
        public Builder sparseUpdated(String name, Fill fill, Tolerance tolerance, int... shape) {
            return add(name, Operand.Role.UPDATED, ElementType.FLOAT32, fill, tolerance, true, shape);
        }

        private Builder add(
                String name,
                Operand.Role role,
                ElementType type,
                Fill fill,
                Tolerance tolerance,
                boolean mayBeZero,
                int... shape) {
            operands.add(new Operand(name, role, type, fill, tolerance, mayBeZero, shape));
            return this;
        }

        public Builder prepare(Call call) {
            prepare = call;
            return this;
        }

        public KernelCase call(long flops, Call call) {
            return new KernelCase(op, parameters, List.copyOf(operands), prepare, call, flops);
        }
    }
}
