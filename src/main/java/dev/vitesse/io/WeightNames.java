// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.model.Parameters;
import dev.vitesse.model.VitConfig;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds out which library's names a checkpoint uses ({@link NamingScheme}) and matches its tensors with a model's
 * parameters. Nothing is left over silently: each tensor of the file and each parameter of the model has its partner,
 * or {@link #match} fails and lists what is missing, unexpected or misshapen.
 */
public final class WeightNames {
    private static final int LISTED = 8;
    private static final String PATCH_BIAS = "patch_embed.proj.bias";

    private WeightNames() {}

    /**
     * One step of loading: a tensor of the file, or a share of one, goes to rows of a parameter.
     *
     * @param rearrangement how its axes become the parameter's
     * @param parameter timm's name
     * @param firstRow where it goes on the parameter's first axis
     * @param rows how many entries of the first axis it fills
     * @param share how much of the tensor is taken
     * @param index which share, where there are several
     */
    public record Assignment(TensorFile.Entry source, Rearrangement rearrangement, String parameter, int firstRow,
            int rows, NamingScheme.Share share, int index) {}

    /**
     * The whole mapping of a file, under the scheme that was detected.
     *
     * @param notNeeded tensors that are left out, and why each is not needed
     */
    public record Mapping(NamingScheme scheme, List<Assignment> assignments, Map<String, String> notNeeded) {}

    /**
     * Matches a file with parameters.
     *
     * @param config of the model whose parameters they are
     * @throws InvalidFileException if not everything matches; it lists the differences
     */
    public static Mapping match(TensorFile file, NamingScheme scheme, VitConfig config) throws InvalidFileException {
        List<Assignment> assignments = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<String> misshapen = new ArrayList<>();
        Set<String> unexpected = new LinkedHashSet<>(file.tensors().keySet());
        Map<String, String> notNeeded = new LinkedHashMap<>();
        // timm's models with norm_pre (CLIP's) project patches without a bias.
        boolean unbiasedPatches = config.patchNorm() && scheme.family() == NamingScheme.Family.TIMM
                && !file.tensors().containsKey(PATCH_BIAS);
        if (unbiasedPatches) {
            notNeeded.put(PATCH_BIAS, "it is not in the file, and zero: timm leaves it out beside norm_pre");
        }
        shapes(file, config).forEach((parameter, shape) -> {
            List<NamingScheme.Part> parts = scheme.parts(parameter);
            if (parts.isEmpty()) {
                missing.add(parameter + " (" + scheme.title() + " has none)");
            }
            for (int i = 0; i < parts.size(); i++) {
                NamingScheme.Part part = parts.get(i);
                TensorFile.Entry entry = file.tensors().get(part.name());
                if (entry == null) {
                    if (!unbiasedPatches || !parameter.equals(PATCH_BIAS)) {
                        missing.add(part.name());
                    }
                    continue;
                }
                unexpected.remove(part.name());
                int rows = shape[0] / parts.size();
                long[] expected = expectedShape(part, rows, shape, config);
                if (!Arrays.equals(withoutLeadingOnes(expected), withoutLeadingOnes(entry.shape()))) {
                    misshapen.add(part.name() + " is " + Arrays.toString(entry.shape()) + ", expected "
                            + Arrays.toString(expected));
                }
                assignments.add(new Assignment(entry, part.rearrangement(), parameter, i * rows, rows, part.share(),
                        part.index()));
            }
        });
        for (String name : unexpected) {
            String reason = scheme.reasonNotNeeded(name);
            if (reason != null) {
                notNeeded.put(name, reason);
            }
        }
        unexpected.removeAll(notNeeded.keySet());
        report(file, scheme, missing, unexpected, misshapen);
        return new Mapping(scheme, assignments, notNeeded);
    }

    /** The shape that a file's tensor must have whose share fills {@code rows} of a parameter of shape {@code shape}. */
    private static long[] expectedShape(NamingScheme.Part part, int rows, int[] shape, VitConfig config) {
        long[] partShape = Arrays.stream(shape).asLongStream().toArray();
        partShape[0] = rows;
        long[] expected = part.rearrangement().shapeInFile(partShape, config).clone();
        switch (part.share()) {
            case WHOLE -> {}
            case HALF_OF_COLUMNS -> expected[expected.length - 1] *= 2;
            case BLOCK -> {
                long[] stacked = new long[expected.length + 1];
                stacked[0] = config.depth();
                System.arraycopy(expected, 0, stacked, 1, expected.length);
                return stacked;
            }
        }
        return expected;
    }

    /** The parameters' shapes by timm's names; a configuration beyond the file costs no memory. */
    private static Map<String, int[]> shapes(TensorFile file, VitConfig config) throws InvalidFileException {
        String problem = "has " + file.tensors().size() + " tensors, too few for the configured " + config.depth()
                + " blocks";
        // Files that stack the blocks' tensors have as many for one block as for a hundred.
        boolean stacked = file.tensors().values().stream().anyMatch(
                entry -> entry.shape().length > 0 && entry.shape()[0] == config.depth());
        if (config.depth() <= file.tensors().size() || stacked) {
            try {
                return Parameters.shapes(config);
            } catch (ArithmeticException e) {
                problem = "cannot hold the weights of the configured model: " + config;
            }
        }
        throw new InvalidFileException(file.path(), problem, "check that both belong to the same model");
    }

    /**
     * The scheme that knows most of a file's names.
     *
     * @throws InvalidFileException if none knows at least half of them
     */
    public static NamingScheme detect(TensorFile file) throws InvalidFileException {
        Set<String> names = file.tensors().keySet();
        int[] known = known(NamingSchemes.USUAL, names);
        List<NamingScheme> schemes = NamingSchemes.USUAL;
        if (known[indexOfLargest(known)] < names.size()) {
            schemes = NamingScheme.all();
            known = known(schemes, names);
        }
        int best = indexOfLargest(known);
        if (known[best] == 0 || 2L * known[best] < names.size()) {
            throw new InvalidFileException(file.path(), "its tensors are named in no known way (" + list(names) + ")",
                    "known are the names of " + NamingScheme.all().stream()
                    .map(NamingScheme::title).distinct().collect(Collectors.joining(", "))
                    + "; give a file of renames with --names for others");
        }
        return schemes.get(best);
    }

    /** How many of {@code names} each scheme knows. */
    private static int[] known(List<NamingScheme> schemes, Set<String> names) {
        int[] known = new int[schemes.size()];
        for (String name : names) {
            List<NamingScheme.Form> forms = NamingScheme.forms(name);
            for (int i = 0; i < known.length; i++) {
                known[i] += schemes.get(i).knows(forms) ? 1 : 0;
            }
        }
        return known;
    }

    /** The first if there are several. */
    private static int indexOfLargest(int[] counts) {
        int largest = 0;
        for (int i = 1; i < counts.length; i++) {
            largest = counts[i] > counts[largest] ? i : largest;
        }
        return largest;
    }

    private static void report(TensorFile file, NamingScheme scheme, List<String> missing, Set<String> unexpected,
            List<String> misshapen) throws InvalidFileException {
        Map<String, Collection<String>> problems = new LinkedHashMap<>();
        problems.put("missing", missing);
        problems.put("unexpected", unexpected);
        problems.put("misshapen", misshapen);
        problems.values().removeIf(Collection::isEmpty);
        if (!problems.isEmpty()) {
            String text = problems.entrySet().stream()
                    .map(entry -> entry.getKey() + " " + list(entry.getValue())).collect(Collectors.joining("; "));
            String reason = Unsupported.reason(file, missing, unexpected, misshapen);
            throw new InvalidFileException(file.path(), "does not fit its configuration (names of " + scheme.title()
                    + "): " + text, reason == null ? "check that both belong to the same model" : reason);
        }
    }

    private static String list(Collection<String> names) {
        String listed = names.stream().limit(LISTED).map(WeightNames::shorten).collect(Collectors.joining(", "));
        return names.size() <= LISTED ? listed : listed + " and " + (names.size() - LISTED) + " more";
    }

    /** Names come from the file: one may be as long as its header. */
    private static String shorten(String name) {
        return name.length() <= 200 ? name : name.substring(0, 200) + "...";
    }

    /** Tokens and positions have a batch axis of one in some libraries, in others none. */
    private static long[] withoutLeadingOnes(long[] shape) {
        int first = 0;
        while (first < shape.length - 1 && shape[first] == 1) {
            first++;
        }
        return Arrays.copyOfRange(shape, first, shape.length);
    }
}
