// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Dropout;
import dev.vitesse.backend.OptimizerRule;
import dev.vitesse.kernels.AttentionCase;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.LinearCase;
import dev.vitesse.kernels.NormCase;
import dev.vitesse.kernels.OptimizerCase;
import dev.vitesse.kernels.ResidualCase;
import java.util.List;

/**
 * What the tuner goes through: the families of sizes in order, for each the values to try and the cases that are checked
 * and timed.
 *
 * @param family as {@link Tuning} names it
 * @param axes the sizes to change, the most important first
 * @param checked cases that a candidate must pass before it is timed; awkward shapes
 * @param timed cases whose times together decide
 */
record TuningSpace(String family, List<Axis> axes, List<KernelCase> checked, List<KernelCase> timed) {
    /** A size and its values. */
    record Axis(String name, List<Integer> values) {
        static Axis of(String name, Integer... values) {
            return new Axis(name, List.of(values));
        }
    }

    private static final OptimizerRule.Adam ADAM = new OptimizerRule.Adam(0.9f, 0.999f, 1e-8f, 0.05f, true);

    /** The spaces of a device; smaller shapes for CPUs, which compute a hundredth. */
    static List<TuningSpace> of(OpenClDevice device) {
        boolean cpu = device.kind() == OpenClDevice.Kind.CPU;
        int batch = cpu ? 4 : 16;
        int tokens = cpu ? 65 : 197;
        int width = cpu ? 192 : 768;
        int heads = width / 64;
        return List.of(
                gemm("gemm.large", new LinearCase(batch, tokens, width, width, false)),
                gemm("gemm.small", new LinearCase(1, tokens, width, width, false)),
                attention(new AttentionCase(batch, tokens, heads, 64, AttentionCase.Data.RANDOM)),
                rows(new NormCase(batch, tokens, width, NormCase.Data.RANDOM)),
                columns(new NormCase(batch, tokens, width, NormCase.Data.RANDOM)),
                new TuningSpace("reduce",
                        List.of(Axis.of("LANES", 1, 8, 64, 128, 256), Axis.of("GROUPS_PER_UNIT", 1, 2, 4, 8)),
                        List.of(new OptimizerCase(197).sumOfSquares(false)),
                        List.of(new OptimizerCase(width * width * 4).sumOfSquares(false))),
                new TuningSpace("elementwise",
                        List.of(Axis.of("ITEMS", 16, 32, 64, 128, 256)),
                        List.of(new OptimizerCase(197).adam(ADAM)),
                        List.of(new OptimizerCase(width * width * 4).adam(ADAM),
                                new ResidualCase(batch, tokens, width, true, true, Dropout.NONE).forward())));
    }

    private static TuningSpace gemm(String family, LinearCase timed) {
        return new TuningSpace(family,
                List.of(Axis.of("TILE_N", 32, 64, 96, 128), Axis.of("TILE_M", 16, 32, 48, 64, 96, 128),
                        Axis.of("TILE_K", 8, 16, 32, 64, 128), Axis.of("RV", 4, 8, 16),
                        Axis.of("WG_N", 1, 2, 4, 8, 16), Axis.of("WG_M", 4, 8, 12, 16)),
                three(new LinearCase(1, 65, 63, 65, true)), three(timed));
    }

    private static List<KernelCase> three(LinearCase shape) {
        return List.of(shape.forward(true), shape.backwardInput(), shape.backwardWeight(true));
    }

    private static TuningSpace attention(AttentionCase timed) {
        AttentionCase checked = new AttentionCase(1, 65, 2, 33, AttentionCase.Data.RANDOM);
        return new TuningSpace("attention",
                List.of(Axis.of("BC", 8, 16, 32, 64), Axis.of("BR", 8, 16, 32, 64), Axis.of("WY", 2, 4, 8, 16),
                        Axis.of("WX", 1, 2, 4, 8), Axis.of("CW", 1, 4, 8), Axis.of("PAD", 0, 1)),
                List.of(checked.forward(true), checked.backward()), List.of(timed.forward(true), timed.backward()));
    }

    private static TuningSpace rows(NormCase timed) {
        NormCase checked = new NormCase(1, 65, 197, NormCase.Data.RANDOM);
        return new TuningSpace("rows",
                List.of(Axis.of("LANES", 1, 8, 16, 32, 64), Axis.of("ROWS", 1, 2, 4, 8, 16)),
                List.of(checked.forward(), checked.backward()), List.of(timed.forward(), timed.backward()));
    }

    private static TuningSpace columns(NormCase timed) {
        return new TuningSpace("columns",
                List.of(Axis.of("ITEMS", 4, 8, 16, 32, 64, 128), Axis.of("ITEMS_PER_UNIT", 16, 64, 256, 1024, 2048),
                        Axis.of("LEAST_ROWS", 16, 32, 64)),
                List.of(new NormCase(1, 65, 197, NormCase.Data.RANDOM).backward()), List.of(timed.backward()));
    }
}
