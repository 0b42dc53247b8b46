// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The kernel files on the class path. */
final class KernelSource {
    private static final Pattern INCLUDE = Pattern.compile("(?m)^#include \"(\\w+)\\.cl\"$");

    private KernelSource() {}

    /** A file with what it includes in place, since a compiler behind a driver sees no files. */
    static String load(String name) {
        Matcher include = INCLUDE.matcher(read(name));
        return include.replaceAll(match -> Matcher.quoteReplacement(load(match.group(1))));
    }

    private static String read(String name) {
        try (InputStream file = KernelSource.class.getResourceAsStream("kernels/" + name + ".cl")) {
            if (file == null) {
                throw new IllegalStateException("kernels/" + name + ".cl is missing from the class path");
            }
            return new String(file.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
