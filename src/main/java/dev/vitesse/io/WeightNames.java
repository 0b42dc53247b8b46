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

    private WeightNames() {}

    /**
     * One step of loading: a tensor of the file goes to rows of a parameter.
     *
     * @param rearrangement how its axes become the parameter's
     * @param parameter timm's name
     * @param firstRow where it goes on the parameter's first axis
     * @param rows how many entries of the first axis it fills
     */
    public record Assignment(
            TensorFile.Entry source, Rearrangement rearrangement, String parameter, int firstRow, int rows) {}

    /** The whole mapping of a file, under the scheme that was detected. */
    public record Mapping(NamingScheme scheme, List<Assignment> assignments) {}

    /**
     * Matches a file with parameters.
     *
     * @param config of the model whose parameters they are
     * @throws InvalidFileException if the scheme is unknown or not everything matches; it lists the differences
     */
    public static Mapping match(TensorFile file, VitConfig config) throws InvalidFileException {
        NamingScheme scheme = detect(file);
        List<Assignment> assignments = new ArrayList<>();
        List<String> missing = new ArrayList<>();
        List<String> misshapen = new ArrayList<>();
        Set<String> unexpected = new LinkedHashSet<>(file.tensors().keySet());
        shapes(file, config).forEach((parameter, shape) -> {
            List<NamingScheme.Part> parts = scheme.parts(parameter);
            if (parts.isEmpty()) {
                missing.add(parameter + " (" + scheme.title() + " has none)");
            }
            for (int i = 0; i < parts.size(); i++) {
                String name = parts.get(i).name();
                TensorFile.Entry entry = file.tensors().get(name);
                if (entry == null) {
                    missing.add(name);
                    continue;
                }
                unexpected.remove(name);
                int rows = shape[0] / parts.size();
                long[] partShape = Arrays.stream(shape).asLongStream().toArray();
                partShape[0] = rows;
                Rearrangement rearrangement = parts.get(i).rearrangement();
                long[] expected = rearrangement.shapeInFile(partShape, config.heads());
                if (!Arrays.equals(withoutLeadingOnes(expected), withoutLeadingOnes(entry.shape()))) {
                    misshapen.add(name + " is " + Arrays.toString(entry.shape()) + ", expected "
                            + Arrays.toString(expected));
                }
                assignments.add(new Assignment(entry, rearrangement, parameter, i * rows, rows));
            }
        });
        report(file, scheme, missing, unexpected, misshapen);
        return new Mapping(scheme, assignments);
    }

    /** The parameters' shapes by timm's names; a configuration beyond the file costs no memory. */
    private static Map<String, int[]> shapes(TensorFile file, VitConfig config) throws InvalidFileException {
        String problem = "has " + file.tensors().size() + " tensors, too few for the configured " + config.depth()
                + " blocks";
        if (config.depth() <= file.tensors().size()) {
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
        NamingScheme best = null;
        long bestCount = 0;
        for (NamingScheme scheme : NamingScheme.all()) {
            long count = file.tensors().keySet().stream().filter(scheme::knows).count();
            if (count > bestCount) {
                best = scheme;
                bestCount = count;
            }
        }
        if (best == null || 2 * bestCount < file.tensors().size()) {
            throw new InvalidFileException(file.path(), "its tensors are named in no known way (" + list(
                    file.tensors().keySet()) + ")", "known are the names of " + NamingScheme.all().stream()
                    .map(NamingScheme::title).distinct().collect(Collectors.joining(", ")));
        }
        return best;
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
            throw new InvalidFileException(file.path(), "does not fit its configuration (names of " + scheme.title()
                    + "): " + text, "check that both belong to the same model");
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
