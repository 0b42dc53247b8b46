// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.fuzz;

import com.code_intelligence.jazzer.Jazzer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;

/**
 * Jazzer's search for inputs on which a reader breaks its promise, guided by the branches that they reach:
 * {@code mvn -Pfuzz test-compile exec:exec -Dfuzz.reader=image -Dfuzz.seconds=600}. What it finds ends up in
 * {@code target/fuzz/READER} as {@code crash-*}, and belongs into {@code src/test/resources/fuzz/READER} once mended.
 */
public final class Fuzz {
    private Fuzz() {}

    /** Runs the reader {@code args[0]} for {@code args[1]} seconds. */
    public static void main(String[] args) throws Exception {
        Reader reader = Reader.valueOf(args[0].toUpperCase(Locale.ROOT));
        System.setProperty(FuzzTarget.READER, reader.name());
        Path folder = Files.createDirectories(Path.of("target/fuzz", args[0]));
        Path corpus = Files.createDirectories(folder.resolve("corpus"));
        Path seeds = write(Seeds.of(reader), folder.resolve("seeds"));
        Jazzer.main(new String[] {
            "--target_class=" + FuzzTarget.class.getName(),
            "--instrumentation_includes=dev.vitesse.io.**:dev.vitesse.image.**:org.ngengine.**",
            "--reproducer_path=" + folder,
            "-artifact_prefix=" + folder + "/",
            "-max_total_time=" + args[1],
            "-timeout=300",
            "-rss_limit_mb=0",
            "-max_len=65536",
            "-print_final_stats=1",
            corpus.toString(),
            seeds.toString()
        });
    }

    private static Path write(List<byte[]> seeds, Path folder) throws IOException {
        Files.createDirectories(folder);
        for (int i = 0; i < seeds.size(); i++) {
            Files.write(folder.resolve("seed" + i), seeds.get(i));
        }
        return folder;
    }
}
