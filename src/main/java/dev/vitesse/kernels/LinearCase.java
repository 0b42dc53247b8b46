// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.kernels;

import dev.vitesse.backend.Activation;
import dev.vitesse.backend.Epilogue;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * The three products of a fully connected layer over x [batch, tokens, in] and y [batch, tokens, out].
 *
 * @param exact small integers, which must give the same bits everywhere; else random numbers
 */
public record LinearCase(int batch, int tokens, int in, int out, boolean exact) {
    /** GELU's figure: 4e-6 of values near 1; it covers every activation. */
    private static final double ACTIVATION = 4e-6;

    static List<KernelCase> cases(Sides sides) {
        List<KernelCase> cases = new ArrayList<>();
        for (boolean exact : new boolean[] {true, false}) {
            for (LinearCase shape : shapes(sides, exact)) {
                cases.add(shape.forward(true));
                cases.add(shape.backwardInput());
                cases.add(shape.backwardWeight(true));
            }
        }
        LinearCase[] some = {
            new LinearCase(3, 17, 33, 7, false), new LinearCase(1, 64, 64, 64, false),
            new LinearCase(1, 197, 65, 31, false), new LinearCase(1, 7, 17, 33, false)
        };
        for (LinearCase shape : some) {
            if (sides.allow(shape.tokens, shape.in, shape.out)) {
                cases.addAll(shape.epilogues());
            }
        }
        for (boolean inPlace : new boolean[] {true, false}) {
            cases.add(new LinearCase(3, 7, 17, 33, true).add(inPlace));
        }
        cases.add(new LinearCase(1, 17, 7, 33, true).activate(Activation.RELU, true, true));
        for (Activation function : Activation.values()) {
            cases.add(grid(function));
            cases.add(gridBackward(function));
        }
        return cases;
    }

    private static List<LinearCase> shapes(Sides sides, boolean exact) {
        List<LinearCase> shapes = new ArrayList<>();
        for (int side : sides.values()) {
            shapes.add(new LinearCase(1, side, 17, 33, exact));
            shapes.add(new LinearCase(1, 17, side, 33, exact));
            shapes.add(new LinearCase(1, 33, 17, side, exact));
        }
        shapes.add(new LinearCase(3, 7, 31, 15, exact));
        shapes.add(new LinearCase(3, 17, 16, 16, exact));
        shapes.add(new LinearCase(3, 17, 8, 24, exact));
        shapes.add(new LinearCase(3, 17, 32, 8, exact));
        if (sides.allow(197)) {
            shapes.add(new LinearCase(1, 64, 64, 64, exact));
            shapes.add(new LinearCase(1, 65, 63, 65, exact));
            shapes.add(new LinearCase(3, 65, 64, 192, exact));
            shapes.add(new LinearCase(1, 197, 197, 197, exact));
        }
        return shapes;
    }

    /** Every epilogue, and no bias, with this shape. */
    public List<KernelCase> epilogues() {
        List<KernelCase> cases = new ArrayList<>();
        cases.add(forward(false));
        cases.add(backwardWeight(false));
        cases.add(add(false));
        cases.add(add(true));
        for (Activation function : Activation.values()) {
            cases.add(activate(function, true, true));
            cases.add(activate(function, false, true));
            cases.add(activate(function, true, false));
            cases.add(backwardInput(function));
        }
        return cases;
    }

    private Fill fill() {
        return exact ? Fill.integers() : Fill.unit();
    }

    private Tolerance tolerance(int terms) {
        return exact ? Tolerance.EXACT : Tolerance.dot(terms);
    }

    private long flops() {
        return 2L * batch * tokens * in * out;
    }

    private KernelCase.Builder builder(String op, String options) {
        return KernelCase.builder(op, "b=%d,t=%d,in=%d,out=%d%s%s", batch, tokens, in, out, options,
                exact ? ",exact" : "");
    }

    /** Operands x, weight and, if there is one, bias. */
    private KernelCase.Builder forwardBuilder(String options, boolean bias) {
        return builder("linear", (bias ? "" : ",no bias") + options)
                .input("x", fill(), batch, tokens, in)
                .input("weight", fill(), out, in)
                .inputIf(bias, "bias", fill(), out);
    }

    /** y = x weight^T + bias. */
    public KernelCase forward(boolean bias) {
        return forwardBuilder("", bias)
                .output("y", tolerance(in), batch, tokens, out)
                .call(flops(), (k, a) ->
                        k.linear(a.get("y"), a.get("x"), a.get("weight"), a.get("bias"), Epilogue.NONE));
    }

    /** y = residual + x weight^T + bias, where y may be the residual itself. */
    public KernelCase add(boolean inPlace) {
        KernelCase.Builder builder = forwardBuilder(inPlace ? ",add in place" : ",add", true);
        if (inPlace) {
            builder.updated("y", fill(), tolerance(in), batch, tokens, out);
        } else {
            builder.output("y", tolerance(in), batch, tokens, out).input("residual", fill(), batch, tokens, out);
        }
        return builder.call(flops(), (k, a) -> {
            Tensor residual = inPlace ? a.get("y") : a.get("residual");
            k.linear(a.get("y"), a.get("x"), a.get("weight"), a.get("bias"), new Epilogue.Add(residual));
        });
    }

    /** y = function(x weight^T + bias), what function is applied to being kept if asked for. */
    public KernelCase activate(Activation function, boolean keep, boolean bias) {
        Tolerance product = tolerance(in);
        double relative = product.relative() + (exact ? 0 : ACTIVATION);
        return forwardBuilder("," + function + (keep ? ",keep" : ""), bias)
                .output("y", new Tolerance(relative, product.magnitude()), batch, tokens, out)
                .outputIf(keep, "preActivation", product, batch, tokens, out)
                .call(flops(), (k, a) -> k.linear(a.get("y"), a.get("x"), a.get("weight"), a.get("bias"),
                        new Epilogue.Activate(function, a.get("preActivation"))));
    }

    /** dX = dY weight. */
    public KernelCase backwardInput() {
        return builder("linearBackwardInput", "")
                .output("dX", tolerance(out), batch, tokens, in)
                .input("dY", fill(), batch, tokens, out)
                .input("weight", fill(), out, in)
                .call(flops(), (k, a) ->
                        k.linearBackwardInput(a.get("dX"), a.get("dY"), a.get("weight"), Epilogue.NONE));
    }

    /** dX = dY weight function'(preActivation). */
    public KernelCase backwardInput(Activation function) {
        Tolerance product = tolerance(out);
        return builder("linearBackwardInput", "," + function)
                .output("dX", new Tolerance(product.relative() + ACTIVATION, product.magnitude()), batch, tokens, in)
                .input("dY", fill(), batch, tokens, out)
                .input("weight", fill(), out, in)
                .input("preActivation", Fill.uniform(-3, 3), batch, tokens, in)
                .call(flops(), (k, a) -> k.linearBackwardInput(a.get("dX"), a.get("dY"), a.get("weight"),
                        new Epilogue.Activate(function, a.get("preActivation"))));
    }

    /** dWeight = dY^T x, dBias = sum of dY. */
    public KernelCase backwardWeight(boolean bias) {
        int rows = batch * tokens;
        return builder("linearBackwardWeight", bias ? "" : ",no bias")
                .output("dWeight", tolerance(rows), out, in)
                .outputIf(bias, "dBias", exact ? Tolerance.EXACT : Tolerance.sum(rows, 0.6), out)
                .input("dY", fill(), batch, tokens, out)
                .input("x", fill(), batch, tokens, in)
                .call(flops() + (bias ? (long) rows * out : 0), (k, a) ->
                        k.linearBackwardWeight(a.get("dWeight"), a.get("dBias"), a.get("dY"), a.get("x")));
    }

    private static final int GRID = 513;

    /** From -12 to 12 in even steps, and a few values far outside, which must neither overflow nor become NaN. */
    private static double gridValue(int index) {
        double[] far = {-1e4, -300, -90, -40, 40, 90, 300, 1e4};
        return index < far.length ? far[index] : -12 + 24.0 * (index - far.length) / (GRID - 1 - far.length);
    }

    /** The function alone: one input element with weight one. */
    private static KernelCase grid(Activation function) {
        return KernelCase.builder("linear", "grid,%s", function)
                .output("y", new Tolerance(ACTIVATION, 1), 1, GRID, 1)
                .input("x", (random, i) -> gridValue(i), 1, GRID, 1)
                .input("weight", Fill.constant(1), 1, 1)
                .call(2 * GRID, (k, a) -> k.linear(a.get("y"), a.get("x"), a.get("weight"), null,
                        new Epilogue.Activate(function, null)));
    }

    /** Its derivative alone. */
    private static KernelCase gridBackward(Activation function) {
        return KernelCase.builder("linearBackwardInput", "grid,%s", function)
                .output("dX", new Tolerance(ACTIVATION, 1), 1, GRID, 1)
                .input("dY", Fill.constant(1), 1, GRID, 1)
                .input("weight", Fill.constant(1), 1, 1)
                .input("preActivation", (random, i) -> gridValue(i), 1, GRID, 1)
                .call(2 * GRID, (k, a) -> k.linearBackwardInput(a.get("dX"), a.get("dY"), a.get("weight"),
                        new Epilogue.Activate(function, a.get("preActivation"))));
    }
}
