// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What holds for a device whatever it computes; null where it was not or could not be measured.
 *
 * @param coldStartSeconds from the start of a process to its first answer, a model without its file; the median
 * @param openSeconds of that, opening the device
 * @param compileSeconds of that, what recording and the first run took more than a second run: compiling, uploading
 * @param gigaflops of a loop of fused multiply-adds
 * @param copyGigabytes per second, read and written, of a copy
 * @param uploadGigabytes per second, from a Java array to the device
 * @param downloadGigabytes per second, back
 */
public record DeviceFigures(
        @Nullable Double coldStartSeconds,
        @Nullable Double openSeconds,
        @Nullable Double compileSeconds,
        @Nullable Double gigaflops,
        @Nullable Double copyGigabytes,
        @Nullable Double uploadGigabytes,
        @Nullable Double downloadGigabytes) {

    static final DeviceFigures NONE = new DeviceFigures(null, null, null, null, null, null, null);

    private static final ObjectMapper JSON = new ObjectMapper();

    /** Starts {@link DeviceProbe} {@code starts} times; if {@code withPeaks}, the last one measures the peaks too. */
    static DeviceFigures measure(
            String device, String preset, int threads, List<String> jvmFlags, int starts, boolean withPeaks) {
        List<Double> cold = new ArrayList<>();
        List<Double> open = new ArrayList<>();
        List<Double> compile = new ArrayList<>();
        Map<String, JsonNode> last = Map.of();
        for (int i = 0; i < starts; i++) {
            boolean peaks = withPeaks && i == starts - 1;
            Map<String, JsonNode> said = probe(device, preset, threads, jvmFlags, peaks, cold);
            JsonNode answer = said.get("answer");
            if (answer != null && said.containsKey("again")) {
                open.add(answer.path("open_nanos").asDouble() / 1e9);
                double first = answer.path("record_nanos").asDouble() + answer.path("first_run_nanos").asDouble();
                // On a busy machine a second run may well take longer than the first.
                compile.add(Math.max(0, first - said.get("again").path("second_run_nanos").asDouble()) / 1e9);
            }
            last = said;
        }
        JsonNode peaks = last.get(DeviceProbe.PEAKS);
        return new DeviceFigures(median(cold), median(open), median(compile), number(peaks, "gigaflops"),
                number(peaks, "copy_gigabytes"), number(peaks, "upload_gigabytes"), number(peaks, "download_gigabytes"));
    }

    /** What the probe said, by message; its time to the answer is added to {@code cold}. */
    private static Map<String, JsonNode> probe(String device, String preset, int threads, List<String> jvmFlags,
            boolean peaks, List<Double> cold) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(jvmFlags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), DeviceProbe.class.getName(), device, preset,
                String.valueOf(threads), peaks ? DeviceProbe.PEAKS : ""));
        Map<String, JsonNode> said = new HashMap<>();
        try {
            long start = System.nanoTime();
            Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
            try (BufferedReader reader =
                    new BufferedReader(new InputStreamReader(process.getInputStream(), StandardCharsets.UTF_8))) {
                for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                    if (line.startsWith("{")) {
                        JsonNode message = JSON.readTree(line);
                        String say = message.path("say").asText();
                        if (say.equals("answer")) {
                            cold.add((System.nanoTime() - start) / 1e9);
                        }
                        said.put(say, message);
                    }
                }
            } finally {
                process.destroy();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return said;
    }

    private static @Nullable Double median(List<Double> values) {
        return values.isEmpty() ? null : Statistics.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static @Nullable Double number(@Nullable JsonNode node, String field) {
        return node == null || !node.hasNonNull(field) ? null : node.get(field).asDouble();
    }

    /** The better of two measurements of the peaks; all else of this one. */
    DeviceFigures withPeaksOf(DeviceFigures other) {
        return new DeviceFigures(coldStartSeconds, openSeconds, compileSeconds, larger(gigaflops, other.gigaflops),
                larger(copyGigabytes, other.copyGigabytes), larger(uploadGigabytes, other.uploadGigabytes),
                larger(downloadGigabytes, other.downloadGigabytes));
    }

    private static @Nullable Double larger(@Nullable Double a, @Nullable Double b) {
        return a == null ? b : b == null ? a : Double.valueOf(Math.max(a, b));
    }
}
