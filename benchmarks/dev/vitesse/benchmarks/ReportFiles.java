// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.io.AtomicFiles;
import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** Reports as files. */
public final class ReportFiles {
    public static final String JSON = "benchmark.json";
    /** What JMH measured, in its own form. */
    public static final String JMH = "jmh.json";
    static final String CSV = "benchmark.csv";
    static final String MARKDOWN = "benchmark.md";
    static final String HTML = "benchmark.html";

    private static final ObjectMapper MAPPER = JsonMapper.builder()
            .propertyNamingStrategy(PropertyNamingStrategies.SNAKE_CASE)
            .enable(SerializationFeature.INDENT_OUTPUT)
            .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
            .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
            .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
            .build();

    private static final String VERSION = "schema_version";
    private static final String KEY_FIGURES = "key_figures";
    private static final String REMEDY = "give the " + JSON + " of an earlier run";

    private ReportFiles() {}

    /**
     * Writes {@code report} as JSON, CSV, Markdown and HTML into {@code folder}, which is created if it is missing.
     *
     * @param folder null to write nothing
     * @return the files
     */
    public static List<Path> write(@Nullable Path folder, Report report) throws IOException {
        if (folder == null) {
            return List.of();
        }
        AtomicFiles.createFolders(folder);
        AtomicFiles.write(folder.resolve(JSON), MAPPER.writeValueAsString(report) + "\n");
        AtomicFiles.write(folder.resolve(CSV), CsvReport.of(report));
        AtomicFiles.write(folder.resolve(MARKDOWN), MarkdownReport.of(report));
        AtomicFiles.write(folder.resolve(HTML), HtmlReport.of(report));
        return Stream.of(JSON, CSV, MARKDOWN, HTML).map(folder::resolve).toList();
    }

    /**
     * Reads a report that {@link #write} wrote as JSON.
     *
     * @param path the file, or the folder that holds it
     * @throws InvalidFileException if it is missing or no such report
     */
    public static Report read(Path path) throws IOException {
        Path file = Files.isDirectory(path) ? path.resolve(JSON) : path;
        Report report;
        try {
            JsonNode tree = MAPPER.readTree(Files.readAllBytes(file));
            // Before the parts, which other versions may lack.
            if (tree.has(VERSION) && tree.get(VERSION).asInt() != Report.SCHEMA_VERSION) {
                throw new InvalidFileException(file, "is a report of another version of this program", "measure again");
            }
            // Reports from before there were any stay readable.
            if (tree instanceof ObjectNode object && !object.has(KEY_FIGURES)) {
                object.putArray(KEY_FIGURES);
            }
            report = MAPPER.treeToValue(tree, Report.class);
        } catch (InvalidFileException e) {
            throw e;
        } catch (NoSuchFileException e) {
            throw new InvalidFileException(file, "there is no such file", REMEDY, e);
        } catch (JsonProcessingException e) {
            throw new InvalidFileException(file, "is no report of a benchmark (" + e.getOriginalMessage() + ")", REMEDY, e);
        } catch (IOException e) {
            throw new InvalidFileException(file, "cannot be read (" + e.getMessage() + ")", REMEDY, e);
        }
        check(file, report);
        return report;
    }

    /** What Jackson lets through: null for whatever is no number. */
    private static void check(Path file, Report report) throws InvalidFileException {
        if (report == null || Stream.of(report.created(), report.command(), report.dtype(), report.baseline(),
                report.environment(), report.contenders(), report.measurements(), report.keyFigures())
                .anyMatch(Objects::isNull)
                || Stream.of(report.environment().commit(), report.environment().java(), report.environment().jvmFlags(),
                report.environment().processor()).anyMatch(Objects::isNull)) {
            throw new InvalidFileException(file, "is no whole report of a benchmark", REMEDY);
        }
        if (report.keyFigures().stream().anyMatch(figure -> figure == null || Stream.of(figure.name(), figure.contender(),
                figure.unit(), figure.note()).anyMatch(Objects::isNull))) {
            throw new InvalidFileException(file, "has a figure of which nothing is known", REMEDY);
        }
        Set<String> names = new HashSet<>();
        for (Report.ContenderInfo info : report.contenders()) {
            if (info == null || Stream.of(info.name(), info.description(), info.details(), info.figures())
                    .anyMatch(Objects::isNull)) {
                throw new InvalidFileException(file, "has a contender of which nothing is known", REMEDY);
            }
            names.add(info.name());
        }
        for (Measurement m : report.measurements()) {
            boolean whole = m != null && Stream.of(m.workload(), m.title(), m.kind(), m.op(), m.preset(), m.contender(),
                    m.status(), m.reason(), m.comparedWith(), m.roundNanos()).allMatch(Objects::nonNull);
            if (!whole || !names.contains(m.contender()) || m.isOk() && m.roundNanos().isEmpty()
                    || m.roundNanos().stream().anyMatch(nanos -> nanos == null || !(nanos > 0))) {
                throw new InvalidFileException(file, "has a measurement without times", REMEDY);
            }
        }
    }
}
