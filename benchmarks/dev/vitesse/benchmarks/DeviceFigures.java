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
 * @param copies rates of copying, from few bytes, which stay in caches, to many
 * @param uploadGigabytes per second, from a Java array to the device
 * @param downloadGigabytes per second, back
 */
public record DeviceFigures(
        @Nullable Double coldStartSeconds,
        @Nullable Double openSeconds,
        @Nullable Double compileSeconds,
        @Nullable Double gigaflops,
        List<CopyRate> copies,
        @Nullable Double uploadGigabytes,
        @Nullable Double downloadGigabytes) {

    static final DeviceFigures NONE = new DeviceFigures(null, null, null, null, List.of(), null, null);

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * How fast a copy is.
     *
     * @param bytes read and written
     * @param gigabytes per second
     */
    public record CopyRate(long bytes, double gigabytes) {}

    public DeviceFigures {
        copies = List.copyOf(copies);
    }

    /** Gigabytes per second of the largest copy, beyond caches; null if none was measured. */
    @Nullable Double copyGigabytes() {
        return copies.isEmpty() ? null : Double.valueOf(copies.getLast().gigabytes);
    }

    /** The same of a copy that reads and writes {@code bytes}: between two that were measured, by the logarithms. */
    @Nullable Double copyGigabytes(long bytes) {
        if (copies.isEmpty() || bytes <= copies.getFirst().bytes) {
            return copies.isEmpty() ? null : Double.valueOf(copies.getFirst().gigabytes);
        }
        for (int i = 1; i < copies.size(); i++) {
            CopyRate less = copies.get(i - 1);
            CopyRate more = copies.get(i);
            if (bytes <= more.bytes) {
                double share = Math.log(bytes / (double) less.bytes) / Math.log(more.bytes / (double) less.bytes);
                return Double.valueOf(less.gigabytes * Math.pow(more.gigabytes / less.gigabytes, share));
            }
        }
        return copyGigabytes();
    }

    /**
     * Starts {@link DeviceProbe} {@code starts} times; if {@code withPeaks}, the last one measures the peaks too.
     *
     * @param longestStart seconds; of a device whose cold start takes longer nothing else is measured
     */
    static DeviceFigures measure(
            String device, String preset, int threads, List<String> jvmFlags, int starts, boolean withPeaks,
            double longestStart) {
        List<Double> cold = new ArrayList<>();
        List<Double> open = new ArrayList<>();
        List<Double> compile = new ArrayList<>();
        Map<String, JsonNode> last = Map.of();
        for (int i = 0; i < starts; i++) {
            boolean peaks = withPeaks && i == starts - 1;
            Map<String, JsonNode> said = probe(device, preset, threads, jvmFlags, peaks, cold, longestStart);
            JsonNode answer = said.get("answer");
            if (answer != null && said.containsKey("again")) {
                open.add(answer.path("open_nanos").asDouble() / 1e9);
                double first = answer.path("record_nanos").asDouble() + answer.path("first_run_nanos").asDouble();
                // On a busy machine a second run may well take longer than the first.
                compile.add(Math.max(0, first - said.get("again").path("second_run_nanos").asDouble()) / 1e9);
            }
            last = said;
            if (cold.size() > i && cold.get(i) > longestStart) {
                break;
            }
        }
        JsonNode peaks = last.get(DeviceProbe.PEAKS);
        return new DeviceFigures(median(cold), median(open), median(compile), number(peaks, "gigaflops"),
                copies(peaks), number(peaks, "upload_gigabytes"), number(peaks, "download_gigabytes"));
    }

    /** What the probe said, by message; its time to the answer is added to {@code cold}. */
    private static Map<String, JsonNode> probe(String device, String preset, int threads, List<String> jvmFlags,
            boolean peaks, List<Double> cold, double longestStart) {
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
                boolean slow = false;
                for (String line = reader.readLine(); line != null && !slow; line = reader.readLine()) {
                    if (line.startsWith("{")) {
                        JsonNode message = JSON.readTree(line);
                        String say = message.path("say").asText();
                        if (say.equals("answer")) {
                            cold.add((System.nanoTime() - start) / 1e9);
                            slow = cold.getLast() > longestStart;
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

    private static List<CopyRate> copies(@Nullable JsonNode peaks) {
        List<CopyRate> copies = new ArrayList<>();
        if (peaks != null) {
            peaks.path("copies").forEach(copy ->
                    copies.add(new CopyRate(copy.path("bytes").asLong(), copy.path("gigabytes").asDouble())));
        }
        return copies;
    }

    /** The better of two measurements of the peaks; all else of this one. */
    DeviceFigures withPeaksOf(DeviceFigures other) {
        return new DeviceFigures(coldStartSeconds, openSeconds, compileSeconds, larger(gigaflops, other.gigaflops),
                larger(copies, other.copies), larger(uploadGigabytes, other.uploadGigabytes),
                larger(downloadGigabytes, other.downloadGigabytes));
    }

    private static @Nullable Double larger(@Nullable Double a, @Nullable Double b) {
        return a == null ? b : b == null ? a : Double.valueOf(Math.max(a, b));
    }

    private static List<CopyRate> larger(List<CopyRate> a, List<CopyRate> b) {
        if (a.size() != b.size()) {
            return a.isEmpty() ? b : a;
        }
        List<CopyRate> larger = new ArrayList<>();
        for (int i = 0; i < a.size(); i++) {
            larger.add(new CopyRate(a.get(i).bytes, Math.max(a.get(i).gigabytes, b.get(i).gigabytes)));
        }
        return larger;
    }
}
