// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A user's own renames of tensors to names of a known scheme, one in a line: the file's name, spaces, the new name. A
 * {@code #} stands for a number and a <code>*</code> for any text, the same on both sides; {@code -} as the new name
 * leaves a tensor out. The first line that fits a name counts; names that none fits stay as they are. Lines that start
 * with {@code //} are comments.
 *
 * <pre>
 * // our in-house ViT, in timm's names
 * stem.conv.*            patch_embed.proj.*
 * layer#.ln_a.*          blocks.#.norm1.*
 * ema_decay              -
 * </pre>
 */
public final class Renames {
    private static final long MAX_BYTES = 1 << 20;
    private static final String LEAVE_OUT = "-";

    private final List<Rule> rules = new ArrayList<>();

    private record Rule(Pattern from, String to) {}

    private Renames() {}

    /**
     * Reads a file of renames.
     *
     * @throws InvalidFileException naming the line that is malformed
     */
    public static Renames read(Path path) throws IOException {
        Renames renames = new Renames();
        String[] lines = new String(InputFiles.read(path, "a file of renames", MAX_BYTES), StandardCharsets.UTF_8)
                .split("\\R");
        for (int i = 0; i < lines.length; i++) {
            String line = lines[i].strip();
            if (line.isEmpty() || line.startsWith("//")) {
                continue;
            }
            String[] words = line.split("\\s+");
            if (words.length != 2 || !words[1].equals(LEAVE_OUT) && !placeholders(words[0]).equals(placeholders(words[1]))) {
                throw new InvalidFileException(path, "line " + (i + 1) + " is '" + line + "'",
                        "write the file's name, a space and the new name, with # and * in the same order in both");
            }
            renames.rules.add(new Rule(pattern(words[0]), words[1]));
        }
        return renames;
    }

    private static String placeholders(String name) {
        return name.replaceAll("[^#*]", "");
    }

    private static Pattern pattern(String name) {
        StringBuilder regex = new StringBuilder();
        for (char c : name.toCharArray()) {
            regex.append(switch (c) {
                case '#' -> "([0-9]+)";
                case '*' -> "(.*)";
                default -> Pattern.quote(String.valueOf(c));
            });
        }
        return Pattern.compile(regex.toString());
    }

    /** The new name of {@code name}; {@code -} if it is left out. */
    private String rename(String name) {
        for (Rule rule : rules) {
            Matcher matcher = rule.from().matcher(name);
            if (matcher.matches()) {
                StringBuilder renamed = new StringBuilder();
                int group = 1;
                for (char c : rule.to().toCharArray()) {
                    renamed.append(c == '#' || c == '*' ? matcher.group(group++) : String.valueOf(c));
                }
                return renamed.toString();
            }
        }
        return name;
    }

    /**
     * {@code file} under the new names; closing it closes {@code file}.
     *
     * @throws InvalidFileException if two tensors get the same name
     */
    TensorFile apply(TensorFile file) throws InvalidFileException {
        Map<String, TensorFile.Entry> renamed = new LinkedHashMap<>();
        Map<String, String> originals = new LinkedHashMap<>();
        for (TensorFile.Entry entry : file.tensors().values()) {
            String name = rename(entry.name());
            if (name.equals(LEAVE_OUT)) {
                continue;
            }
            if (renamed.putIfAbsent(name, new TensorFile.Entry(name, entry.type(), entry.shape())) != null) {
                throw new InvalidFileException(file.path(), "tensors " + originals.get(name) + " and " + entry.name()
                        + " both become " + name, "correct the file of renames");
            }
            originals.put(name, entry.name());
        }
        return new RenamedTensors(file, renamed, originals);
    }

    private record RenamedTensors(TensorFile file, Map<String, Entry> renamed, Map<String, String> originals)
            implements TensorFile {
        @Override
        public Path path() {
            return file.path();
        }

        @Override
        public Map<String, String> metadata() {
            return file.metadata();
        }

        @Override
        public Map<String, Entry> tensors() {
            return Collections.unmodifiableMap(renamed);
        }

        @Override
        public MemorySegment bytes(String name, SegmentAllocator allocator) throws InvalidFileException {
            return file.bytes(originals.get(entry(name).name()), allocator);
        }

        @Override
        public void close() {
            file.close();
        }
    }
}
