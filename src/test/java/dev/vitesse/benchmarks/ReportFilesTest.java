// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.io.InvalidFileException;
import java.io.IOException;
import java.io.StringReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.xml.sax.InputSource;

class ReportFilesTest {
    private static final Workload KERNEL = Suites.preset("lightvit", List.of(1), true).getLast();

    @TempDir
    private Path folder;

    @Test
    void jsonGivesBackWhatWasWritten() throws IOException {
        Report report = Reports.whole();
        assertThat(ReportFiles.write(folder.resolve("new/folder"), report)).hasSize(4).allMatch(Files::isRegularFile);
        assertThat(ReportFiles.read(folder.resolve("new/folder"))).isEqualTo(report);
        assertThat(ReportFiles.read(folder.resolve("new/folder/benchmark.json"))).isEqualTo(report);
    }

    @Test
    void filesThatAreNoReportsAreRefusedInOneLine() throws IOException {
        refused(folder.resolve("missing.json"), "there is no such file");
        refused(write("text.json", "no json"), "is no report of a benchmark");
        refused(write("empty.json", ""), "is no whole report of a benchmark");
        refused(write("null.json", "null"), "is no whole report of a benchmark");
        refused(write("other.json", "{\"a\": 1}"), "is no report of a benchmark");
        ReportFiles.write(folder, Reports.whole());
        String text = Files.readString(folder.resolve(ReportFiles.JSON));
        refused(write("version.json", text.replace("\"schema_version\" : 2", "\"schema_version\" : 7")),
                "is a report of another version");
        refused(write("old.json", "{\"schema_version\": 1}"), "is a report of another version");
        refused(write("cut.json", text.substring(0, text.length() / 2)), "is no report of a benchmark");
        refused(write("contender.json", text.replaceFirst("\"name\" : \"cpu\"", "\"name\" : \"else\"")),
                "has a measurement without times");
        refused(write("figures.json", text.replaceFirst("\"figures\" : \\{[^}]*copies[^\\]]*\\][^}]*}", "\"figures\" : null")),
                "has a contender of which nothing is known");
        refused(write("environment.json", text.replaceFirst("\"java\" : \"25\"", "\"java\" : null")),
                "is no whole report of a benchmark");
        refused(write("negative.json", text.replaceFirst("(round_nanos\" : \\[ )", "$1-1, ")),
                "has a measurement without times");
    }

    private Path write(String name, String text) throws IOException {
        return Files.writeString(folder.resolve(name), text);
    }

    private static void refused(Path file, String problem) {
        assertThatThrownBy(() -> ReportFiles.read(file)).isInstanceOf(InvalidFileException.class)
                .hasMessageStartingWith(file + ": " + problem).hasMessageNotContaining("\n");
    }

    @Test
    void csvHasOneRowForEachMeasurementAndAsManyCellsEverywhere() {
        Measurement failed = Reports.failed(KERNEL, "opencl", "it said \"no\", twice");
        String csv = CsvReport.of(Reports.report(List.of(Reports.ok(KERNEL, "cpu", 2), failed)));
        List<String> lines = csv.lines().toList();
        assertThat(lines).hasSize(3);
        assertThat(lines.get(2)).contains("\"it said \"\"no\"\", twice\"").doesNotContain("NaN");
        int columns = lines.getFirst().split(",", -1).length;
        assertThat(lines).allSatisfy(line ->
                assertThat(line.replaceAll("\"([^\"]|\"\")*\"", "").split(",", -1)).hasSize(columns));
    }

    @Test
    void theTableTellsFiguresSharesAndVerdicts() {
        String table = TextReport.of(Reports.whole());
        assertThat(table).contains("Java 25; flags -Xmx1g").contains("commit abc; float32").contains("driver 1.0")
                .contains("J a run").doesNotContain("not steady");
        assertThat(table).contains("3.00x (3.00 to 3.00), faster").contains("3.0e-07").contains("inference lightvit b=8");
        String failed = TextReport.of(Reports.report(
                List.of(Reports.ok(KERNEL, "cpu", 2), Reports.failed(KERNEL, "opencl", "wrong result: y"))));
        assertThat(failed.lines().filter(line -> line.contains("FAILED: wrong result: y"))).hasSize(1)
                .allMatch(line -> !line.contains("x ("));
    }

    @Test
    void markdownRowsHaveTheSameCells() {
        List<String> rows = MarkdownReport.of(Reports.whole()).lines().filter(line -> line.startsWith("| ")).toList();
        assertThat(rows).hasSizeGreaterThan(10);
        assertThat(rows).anySatisfy(row -> assertThat(row.split("\\|", -1)).hasSize(Cells.HEADINGS.size() + 4));
    }

    @Test
    void thePageStandsAloneAndItsPicturesAreWellFormed() throws Exception {
        String page = HtmlReport.of(Reports.whole());
        assertThat(page).doesNotContain("http").doesNotContain("<script").doesNotContain("src=").doesNotContain("NaN")
                .contains("CPU &amp; Co").contains("cpu &lt;device&gt;")
                .contains("Speed-up").contains("Throughput by batch").contains("Roofline of opencl:0");
        int pictures = 0;
        for (int at = page.indexOf("<svg"); at >= 0; at = page.indexOf("<svg", at + 1)) {
            String svg = page.substring(at, page.indexOf("</svg>", at) + "</svg>".length());
            DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(new InputSource(new StringReader(svg)));
            pictures++;
        }
        assertThat(pictures).isEqualTo(4);
    }

    @Test
    void figuresBesideTheWorkloadsAreInEveryForm() throws IOException {
        Report report = Reports.whole().with(List.of(
                new KeyFigure("first answer ti/16", "cpu", 0.9, "s", List.of(0.8, 0.9, 1.0), 1.0, false, "median of 3"),
                new KeyFigure("geometric mean", "cpu", 1.01, "", List.of(1.01), 1.05, true, "of one"),
                KeyFigure.missing("peak memory", "cpu", "nobody tells")));
        assertThat(TextReport.of(report).lines())
                .anyMatch(line -> line.matches("first answer ti/16 +cpu +0.900 s +at most 1.00 s +met +median of 3"))
                .anyMatch(line -> line.matches("geometric mean +cpu +1.01x +at least 1.05x +missed +of one"))
                .anyMatch(line -> line.matches("peak memory +cpu +not measured +nobody tells"));
        assertThat(MarkdownReport.of(report)).contains("| first answer ti/16 | cpu | 0.900 s | at most 1.00 s | met |");
        assertThat(HtmlReport.of(report)).contains("<td>at least 1.05x</td>").doesNotContain("NaN");
        List<String> csv = CsvReport.of(report).lines().toList();
        assertThat(csv.get(csv.size() - 3)).startsWith("first answer ti/16,figure,,,,cpu,ok,median of 3,")
                .endsWith(",0.900000,s,1.00000");
        assertThat(csv).allSatisfy(line -> assertThat(line.replaceAll("\"[^\"]*\"", "").split(",", -1))
                .hasSize(csv.getFirst().split(",").length));
        ReportFiles.write(folder, report);
        assertThat(ReportFiles.read(folder)).isEqualTo(report);
        String text = Files.readString(folder.resolve(ReportFiles.JSON));
        refused(write("figure.json", text.replace("\"note\" : \"of one\"", "\"note\" : null")),
                "has a figure of which nothing is known");
    }

    @Test
    void aPageOfFailuresHasNoPicturesButSaysWhy() {
        String page = HtmlReport.of(Reports.report(List.of(Reports.failed(KERNEL, "cpu", "lost <it>"))));
        assertThat(page).doesNotContain("<svg").contains("FAILED: lost &lt;it&gt;");
    }
}
