// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Parameter;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.StringJoiner;
import java.util.function.Consumer;

/**
 * Records every call as a program of its own, so that after each one its outputs can be read and their norms printed.
 * Much slower than the untraced backend, with the same results.
 */
final class TracedBackend implements Backend {
    private final Backend backend;
    private final Consumer<String> sink;

    TracedBackend(Backend backend, Consumer<String> sink) {
        this.backend = backend;
        this.sink = sink;
    }

    @Override
    public String name() {
        return backend.name();
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        return backend.tensor(name, type, shape);
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        List<Step> steps = new ArrayList<>();
        Kernels recorder = (Kernels) Proxy.newProxyInstance(
                Kernels.class.getClassLoader(), new Class<?>[] {Kernels.class}, (proxy, method, arguments) -> {
                    steps.add(step(method, arguments));
                    return null;
                });
        body.accept(recorder);
        return new TracedProgram(name, steps, sink);
    }

    private Step step(Method method, Object[] arguments) {
        StringJoiner text = new StringJoiner(", ", method.getName() + "(", ")");
        List<Tensor> outputs = new ArrayList<>();
        Parameter[] parameters = method.getParameters();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i] instanceof Tensor tensor) {
                text.add(tensor.name() + Arrays.toString(tensor.shape()).replace(" ", ""));
                if (parameters[i].isAnnotationPresent(Output.class)) {
                    outputs.add(tensor);
                }
            } else {
                text.add(describe(arguments[i]));
            }
        }
        Program program = backend.record(method.getName(), kernels -> call(kernels, method, arguments));
        return new Step(text.toString(), program, outputs);
    }

    private static String describe(Object argument) {
        return switch (argument) {
            case null -> "-";
            case Epilogue.None none -> "no epilogue";
            case Epilogue.Activate activate -> activate.function().name();
            case Epilogue.Add add -> "+ " + add.residual().name();
            default -> argument.toString();
        };
    }

    private static void call(Kernels kernels, Method method, Object[] arguments) {
        try {
            method.invoke(kernels, arguments);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e.getCause());
        } catch (IllegalAccessException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public long scratchBytes(Consumer<Kernels> body) {
        return backend.scratchBytes(body);
    }

    @Override
    public OptionalLong memoryBytes() {
        return backend.memoryBytes();
    }

    @Override
    public void close() {
        backend.close();
    }

    private record Step(String text, Program program, List<Tensor> outputs) {}

    private record TracedProgram(String name, List<Step> steps, Consumer<String> sink) implements Program {
        @Override
        public void compile() {
            steps.forEach(step -> step.program().compile());
        }

        @Override
        public void run() {
            for (Step step : steps) {
                step.program().run();
                StringJoiner norms = new StringJoiner(" ");
                for (Tensor output : step.outputs()) {
                    norms.add(String.format(Locale.ROOT, "|%s|=%.6g", output.name(), norm(output)));
                }
                sink.accept(name + ": " + step.text() + " " + norms);
            }
        }

        private static double norm(Tensor tensor) {
            double sum = 0;
            for (float x : tensor.toFloats()) {
                sum += (double) x * x;
            }
            return Math.sqrt(sum);
        }

        @Override
        public void close() {
            steps.forEach(step -> step.program().close());
        }
    }
}
