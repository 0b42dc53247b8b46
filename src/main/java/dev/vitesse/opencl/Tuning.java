// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.DeviceException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The sizes that kernels are compiled with: macros by family ({@code gemm.large}) and name ({@code TILE_M}). They change
 * speed, and the last bits of sums, never which kernels there are.
 */
final class Tuning {
    /** Where the tables of measured devices lie on the class path. */
    private static final String RESOURCES = "/dev/vitesse/opencl/tuned/";

    /** Compilers take minutes, or fail, where a work-item has far more than registers hold. */
    private static final int MOST_SUMS = 128;

    private static final int MOST_ROWS = 4;

    private static final int MOST_COLUMNS = 8;

    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, Map<String, Integer>> families;

    private Tuning(Map<String, Map<String, Integer>> families) {
        this.families = families;
    }

    /**
     * The sizes for {@code device}: the user's own measurement, else the table that comes with the library, else
     * defaults for its kind.
     *
     * @throws DeviceException if the user's file is not one that a tuner wrote for such a device
     */
    static Tuning of(OpenClDevice device) {
        Path file = userFile(device);
        if (Files.exists(file)) {
            return read(file, device);
        }
        try (InputStream table = Tuning.class.getResourceAsStream(RESOURCES + fileName(device))) {
            return table == null ? defaults(device) : defaults(device).with(JSON.readTree(table), device);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (IllegalArgumentException e) {
            return defaults(device); // another driver, or fewer resources, than where the table was measured
        }
    }

    /**
     * The sizes that a tuner wrote to {@code file}.
     *
     * @throws DeviceException if it is not such a file, or not one for this device
     */
    static Tuning read(Path file, OpenClDevice device) {
        try {
            return defaults(device).with(JSON.readTree(file.toFile()), device);
        } catch (IOException | IllegalArgumentException e) {
            String problem = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
            throw new DeviceException(
                    file + ": " + problem + "; delete it, or replace it with 'vitesse tune --device opencl'", e);
        }
    }

    /** {@code ~/.config/vitesse/tuned/<device>.json}, below {@code XDG_CONFIG_HOME} where that is set. */
    static Path userFile(OpenClDevice device) {
        return userFile(device, System.getenv("XDG_CONFIG_HOME"));
    }

    /** The same with {@code configuration} in the variable's place; null or empty if it is not set. */
    static Path userFile(OpenClDevice device, @Nullable String configuration) {
        Path base = configuration == null || configuration.isEmpty()
                ? Path.of(System.getProperty("user.home"), ".config") : Path.of(configuration);
        return base.resolve("vitesse").resolve("tuned").resolve(fileName(device));
    }

    private static String fileName(OpenClDevice device) {
        return device.name().toLowerCase(Locale.ROOT).replaceAll("[^a-z0-9]+", "-").replaceAll("^-|-$", "") + ".json";
    }

    /** What runs on every usable device of the kind, before anything was measured. */
    static Tuning defaults(OpenClDevice device) {
        Tuning tuning = switch (device.kind()) {
            case CPU -> cpuDefaults();
            case GPU, OTHER -> gpuDefaults();
        };
        try {
            tuning.check(device);
            return tuning;
        } catch (IllegalArgumentException e) {
            return least();
        }
    }

    private static Tuning gpuDefaults() {
        return new Tuning(new TreeMap<>())
                .put("vector", "VW", 4)
                .put("elementwise", "ITEMS", 256)
                .put("columns", "ITEMS", 64, "ITEMS_PER_UNIT", 2048, "LEAST_ROWS", 16)
                .put("reduce", "LANES", 256, "GROUPS_PER_UNIT", 4)
                .put("rows", "LANES", 32, "ROWS", 8)
                .put("gemm.large", "TILE_M", 128, "TILE_N", 128, "TILE_K", 8, "WG_M", 16, "WG_N", 16, "RV", 4)
                .put("gemm.small", "TILE_M", 64, "TILE_N", 64, "TILE_K", 16, "WG_M", 16, "WG_N", 16, "RV", 4)
                .put("attention", "LEAST_HEAD", 16, "BR", 32, "BC", 32, "WX", 8, "WY", 8, "CW", 4, "PAD", 1);
    }

    /**
     * Few work-items with much work and long vectors: a compiler for CPUs runs a group's items in a loop. One size of
     * tiles, because a device of few units is full with few of them, and compiling takes a second for each.
     */
    private static Tuning cpuDefaults() {
        return new Tuning(new TreeMap<>())
                .put("vector", "VW", 8)
                .put("elementwise", "ITEMS", 64)
                .put("columns", "ITEMS", 8, "ITEMS_PER_UNIT", 64, "LEAST_ROWS", 32)
                .put("reduce", "LANES", 8, "GROUPS_PER_UNIT", 4)
                .put("rows", "LANES", 1, "ROWS", 8)
                .put("gemm.large", "TILE_M", 48, "TILE_N", 64, "TILE_K", 64, "WG_M", 12, "WG_N", 4, "RV", 8)
                .put("gemm.small", "TILE_M", 48, "TILE_N", 64, "TILE_K", 64, "WG_M", 12, "WG_N", 4, "RV", 8)
                .put("attention", "LEAST_HEAD", 64, "BR", 16, "BC", 32, "WX", 1, "WY", 4, "CW", 8, "PAD", 0);
    }

    /** For devices with small work-groups or little local memory: within the limits that {@link OpenClDevice} asks for. */
    static Tuning least() {
        return gpuDefaults()
                .put("elementwise", "ITEMS", 64)
                .put("reduce", "LANES", 64, "GROUPS_PER_UNIT", 4)
                .put("rows", "LANES", 8, "ROWS", 8)
                .put("gemm.large", "TILE_M", 32, "TILE_N", 32, "TILE_K", 16, "WG_M", 8, "WG_N", 8, "RV", 4)
                .put("gemm.small", "TILE_M", 16, "TILE_N", 32, "TILE_K", 16, "WG_M", 8, "WG_N", 8, "RV", 4)
                .put("attention", "LEAST_HEAD", 16, "BR", 16, "BC", 16, "WX", 4, "WY", 16, "CW", 4, "PAD", 1);
    }

    private Tuning put(String family, Object... namesAndSizes) {
        Map<String, Integer> sizes = new TreeMap<>();
        for (int i = 0; i < namesAndSizes.length; i += 2) {
            sizes.put((String) namesAndSizes[i], (Integer) namesAndSizes[i + 1]);
        }
        families.put(family, sizes);
        return this;
    }

    /** The macros of a family. */
    Map<String, Integer> family(String family) {
        Map<String, Integer> sizes = families.get(family);
        if (sizes == null) {
            throw new IllegalArgumentException("there is no family of sizes " + family);
        }
        return sizes;
    }

    /** A single size: {@code get("gemm.large.TILE_M")}. */
    int get(String size) {
        int dot = size.lastIndexOf('.');
        return family(size.substring(0, dot)).get(size.substring(dot + 1));
    }

    /**
     * The same sizes with some of one family replaced.
     *
     * @throws IllegalArgumentException if the family has no such size
     */
    Tuning with(String family, Map<String, Integer> sizes) {
        Map<String, Map<String, Integer>> copy = new TreeMap<>(families);
        Map<String, Integer> changed = new TreeMap<>(family(family));
        sizes.forEach((name, size) -> {
            if (size == null || changed.replace(name, size) == null) {
                throw new IllegalArgumentException("there is no size " + family + "." + name);
            }
        });
        copy.put(family, changed);
        return new Tuning(copy);
    }

    private Tuning with(JsonNode file, OpenClDevice device) {
        if (!device.name().equals(file.path("device").asText())) {
            throw new IllegalArgumentException("it was measured on '" + file.path("device").asText() + "'");
        }
        if (!file.path("sizes").isObject()) {
            throw new IllegalArgumentException("it holds no sizes");
        }
        Map<String, Map<String, Integer>> sizes = JSON.convertValue(file.path("sizes"), new TypeReference<>() {});
        Tuning tuning = this;
        for (Map.Entry<String, Map<String, Integer>> family : sizes.entrySet()) {
            tuning = tuning.with(family.getKey(), family.getValue());
        }
        tuning.check(device);
        return tuning;
    }

    /** As a file that {@link #of} reads. */
    String toJson(OpenClDevice device) {
        ObjectNode file = JSON.createObjectNode();
        file.put("device", device.name());
        file.put("platform", device.platformName());
        file.put("driver", device.driver());
        file.set("sizes", JSON.valueToTree(families));
        return file.toPrettyString() + "\n";
    }

    /**
     * Checks what kernels take for granted.
     *
     * @throws IllegalArgumentException naming the family at fault
     */
    void check(OpenClDevice device) {
        families.forEach((family, sizes) -> sizes.forEach((name, size) ->
                require(size > 0 || name.equals("PAD") && size == 0, family, name + " is " + size)));
        require(Integer.bitCount(get("vector.VW")) == 1 && get("vector.VW") <= 16, "vector", "VW must be 1, 2, 4, 8 or 16");
        powersOfTwo("reduce", "LANES");
        powersOfTwo("rows", "LANES");
        group(device, "elementwise", get("elementwise.ITEMS"));
        group(device, "columns", get("columns.ITEMS"));
        group(device, "reduce", get("reduce.LANES"));
        group(device, "rows", get("rows.LANES") * get("rows.ROWS"));
        checkGemm(device, "gemm.large");
        checkGemm(device, "gemm.small");
        powersOfTwo("attention", "LEAST_HEAD", "BR", "BC", "WX", "WY");
        int columns = get("attention.CW");
        require(columns == 1 || columns == 4 || columns == 8, "attention", "CW must be 1, 4 or 8");
        require(get("attention.LEAST_HEAD") >= get("vector.VW"), "attention", "LEAST_HEAD must be at least a vector");
        require(get("attention.BR") >= get("attention.WY") && get("attention.BC") >= get("attention.WX") * columns,
                "attention", "a block must have a row and a vector of columns for every work-item");
        require(get("attention.BR") <= MOST_ROWS * get("attention.WY")
                        && get("attention.BC") <= MOST_COLUMNS * columns * get("attention.WX"), "attention",
                "a work-item must have at most " + MOST_ROWS + " rows and " + MOST_COLUMNS + " vectors of columns");
        group(device, "attention", get("attention.WX") * get("attention.WY"));
    }

    private void checkGemm(OpenClDevice device, String family) {
        Map<String, Integer> s = family(family);
        int vector = s.get("RV");
        require(Integer.bitCount(vector) == 1 && vector <= 16, family, "RV must be 1, 2, 4, 8 or 16");
        require(s.get("TILE_M") % s.get("WG_M") == 0, family, "WG_M must divide TILE_M");
        require(s.get("TILE_N") % (s.get("WG_N") * vector) == 0, family, "WG_N RV must divide TILE_N");
        require(s.get("TILE_M") % vector == 0 && s.get("TILE_K") % vector == 0, family, "RV must divide TILE_M and TILE_K");
        group(device, family, s.get("WG_M") * s.get("WG_N"));
        require(s.get("TILE_M") * s.get("TILE_N") <= MOST_SUMS * s.get("WG_M") * s.get("WG_N"), family,
                "a work-item must have at most " + MOST_SUMS + " sums");
        int depth = s.get("TILE_K");
        long local = 2L * Float.BYTES * (s.get("TILE_M") * (depth + vector) + depth * (s.get("TILE_N") + vector));
        require(local <= device.localBytes(), family,
                "needs " + local + " of " + device.localBytes() + " bytes of local memory");
    }

    private void powersOfTwo(String family, String... names) {
        for (String name : names) {
            require(Integer.bitCount(get(family + "." + name)) == 1, family, name + " must be a power of two");
        }
    }

    private void group(OpenClDevice device, String family, long items) {
        require(items <= device.largestGroup(), family,
                "needs groups of " + items + " work-items; the device has at most " + device.largestGroup());
    }

    private static void require(boolean condition, String family, String problem) {
        if (!condition) {
            throw new IllegalArgumentException("sizes of " + family + ": " + problem);
        }
    }
}
