// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import dev.vitesse.backend.Activation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What a library calls a Vision Transformer's parameters: a table from timm's names to its own, where {@code #} stands
 * for a block's number. A parameter that the library keeps in parts (queries, keys and values apart) has several names,
 * in the order in which their rows follow each other; a library whose axes lie otherwise says how ({@link
 * Rearrangement}). {@link NamingSchemes} holds the tables.
 */
public final class NamingScheme {
    /** What stands before a number in timm's names: a block's, or that of one of several hidden layers of the head. */
    private static final List<String> NUMBERED = List.of("blocks.", "pre_logits.");

    /** No library's names are longer; a hostile file's may be, with thousands of numbers to try. */
    private static final int LONGEST = 300;

    /** A library, and what its models have in common where no configuration says otherwise. */
    public enum Family {
        TIMM(1e-6, Activation.GELU, PositionResampling.TIMM),
        META_DINOV2(1e-6, Activation.GELU, PositionResampling.META_DINOV2),
        HUGGING_FACE(1e-12, Activation.GELU, PositionResampling.HUGGING_FACE),
        HUGGING_FACE_DINOV2(1e-6, Activation.GELU, PositionResampling.HUGGING_FACE),
        HUGGING_FACE_DINOV2_REGISTERS(1e-6, Activation.GELU, PositionResampling.TIMM),
        TORCHVISION(1e-6, Activation.GELU, PositionResampling.TORCHVISION),
        GOOGLE(1e-6, Activation.GELU_TANH, PositionResampling.GOOGLE),
        LUCIDRAINS(1e-5, Activation.GELU, null);

        private final double layerNormEpsilon;
        private final Activation activation;
        private final @Nullable PositionResampling resampling;

        Family(double layerNormEpsilon, Activation activation, @Nullable PositionResampling resampling) {
            this.layerNormEpsilon = layerNormEpsilon;
            this.activation = activation;
            this.resampling = resampling;
        }

        double layerNormEpsilon() {
            return layerNormEpsilon;
        }

        Activation activation() {
            return activation;
        }

        /** How the library fits positions to another image size; null if it cannot. */
        public @Nullable PositionResampling resampling() {
            return resampling;
        }
    }

    private final String title;
    private final Family family;
    private final Map<String, List<Part>> table = new LinkedHashMap<>();
    private final Map<String, Place> places = new HashMap<>();
    private final Map<String, String> unused = new LinkedHashMap<>();

    /**
     * A tensor of the file, or a share of one, and how its axes become timm's.
     *
     * @param share which share
     * @param index its number, where there are several
     */
    record Part(String name, Rearrangement rearrangement, Share share, int index) {}

    /** How much of a file's tensor a parameter takes. */
    public enum Share {
        WHOLE,
        /** One half of the last axis. */
        HALF_OF_COLUMNS,
        /** One entry of a leading axis that counts the blocks. */
        BLOCK
    }

    /** What a file's name stands for: part {@code part} of {@code parameter}, with {@code #} for a block's number. */
    private record Place(String parameter, int part) {}

    /**
     * What a tensor of a file is.
     *
     * @param parameter timm's name, with {@code #} for a block's number
     * @param number the block's number; -1 if it is not a block's, or all blocks' together
     */
    record Meaning(String parameter, int number, Part part) {}

    NamingScheme(String title, Family family) {
        this.title = title;
        this.family = family;
    }

    /** Every scheme, each spelling of a library's by itself; timm's first. */
    public static List<NamingScheme> all() {
        return NamingSchemes.all();
    }

    /** The library: {@code Hugging Face v4}. */
    public String title() {
        return title;
    }

    public Family family() {
        return family;
    }

    /** The parts in which the library keeps {@code parameter}; empty if it has no such parameter. */
    List<Part> parts(String parameter) {
        int start = NUMBERED.stream().filter(parameter::startsWith).mapToInt(String::length).findFirst().orElse(0);
        int end = endOfNumber(parameter, start);
        if (start == 0 || end == start) {
            return table.getOrDefault(parameter, List.of());
        }
        String number = parameter.substring(start, end);
        int block = Integer.parseInt(number);
        List<Part> parts = new ArrayList<>();
        for (Part part : table.getOrDefault(parameter.substring(0, start) + "#" + parameter.substring(end), List.of())) {
            parts.add(new Part(part.name().replace("#", number), part.rearrangement(), part.share(),
                    part.share() == Share.BLOCK ? block : part.index()));
        }
        return parts;
    }

    /**
     * A name as tables may hold it.
     *
     * @param name the file's, or with {@code #} in the place of one of its numbers
     * @param number that number; -1 if there is none
     */
    record Form(String name, int number) {}

    /** The forms of a file's name: made by hand and once for all schemes, while the JVM still interprets. */
    static List<Form> forms(String fileName) {
        List<Form> forms = new ArrayList<>();
        forms.add(new Form(fileName, -1));
        if (fileName.length() > LONGEST) {
            return forms;
        }
        for (int start = 0, end; start < fileName.length(); start = Math.max(end, start + 1)) {
            end = endOfNumber(fileName, start);
            if (end > start && end - start <= 9) {
                forms.add(new Form(fileName.substring(0, start) + "#" + fileName.substring(end),
                        Integer.parseInt(fileName, start, end, 10)));
            }
        }
        return forms;
    }

    /** What {@code fileName} stands for in this scheme, whatever the configuration; empty if it is not one of its. */
    Optional<Meaning> meaning(String fileName) {
        for (Form form : forms(fileName)) {
            Place place = places.get(form.name());
            if (place != null) {
                return Optional.of(meaning(place, form.number()));
            }
        }
        return Optional.empty();
    }

    /** Whether a file's name, given by its forms, stands for something in this scheme. */
    boolean knows(List<Form> forms) {
        for (Form form : forms) {
            if (places.containsKey(form.name())) {
                return true;
            }
        }
        return false;
    }

    /** The end of the digits that begin at {@code start}. */
    private static int endOfNumber(String name, int start) {
        int end = start;
        while (end < name.length() && isDigit(name.charAt(end))) {
            end++;
        }
        return end;
    }

    private static boolean isDigit(char c) {
        return c >= '0' && c <= '9';
    }

    private Meaning meaning(Place place, int number) {
        return new Meaning(place.parameter(), number, table.get(place.parameter()).get(place.part()));
    }

    /** Why a tensor of the library's that no parameter takes is not needed; null if it is not known to be. */
    @Nullable String reasonNotNeeded(String fileName) {
        return unused.get(fileName);
    }

    /** A tensor that the library's files may hold and inference does not need. */
    NamingScheme notNeeded(String name, String reason) {
        unused.put(name, reason);
        return this;
    }

    /** A linear layer or norm: a weight and a bias. */
    NamingScheme layer(String timm, String... parts) {
        for (String kind : List.of(".weight", ".bias")) {
            tensor(timm + kind, List.of(parts).stream().map(part -> part + kind).toArray(String[]::new));
        }
        return this;
    }

    NamingScheme tensor(String timm, String... names) {
        return tensor(timm, Rearrangement.NONE, names);
    }

    NamingScheme tensor(String timm, Rearrangement rearrangement, String... names) {
        return tensor(timm, List.of(names).stream()
                .map(name -> new Part(name, rearrangement, Share.WHOLE, 0)).toList());
    }

    NamingScheme tensor(String timm, List<Part> parts) {
        table.put(timm, parts);
        for (int i = 0; i < parts.size(); i++) {
            places.putIfAbsent(parts.get(i).name(), new Place(timm, i));
        }
        return this;
    }

    /** This scheme for files that stack the blocks' tensors along a leading axis, under the names without number. */
    NamingScheme stacked() {
        NamingScheme stacked = new NamingScheme(title, family);
        stacked.unused.putAll(unused);
        table.forEach((timm, parts) -> stacked.tensor(timm, !timm.contains("#") ? parts : parts.stream()
                .map(part -> new Part(part.name().replace("_#", ""), part.rearrangement(), Share.BLOCK, 0)).toList()));
        return stacked;
    }
}
