// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.vitesse.io.Safetensors;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The commands for pretrained models: inspect, export, verify --record. */
class ModelCommandsTest {
    @TempDir
    Path folder;

    @Test
    void inspectPrintsConfigurationOriginsAndMapping() throws Exception {
        CliRun text = CliRun.of("inspect", resource("/schemes/hf_dinov2_registers"));
        assertThat(text.exitCode()).as(text.err()).isZero();
        assertThat(text.out()).contains("names of: Hugging Face DINOv2 v4")
                .containsPattern("registers +3 +config.json: num_register_tokens")
                .containsPattern("layer_norm_eps +1.0E-6 +config.json: layer_norm_eps")
                .containsPattern("query.weight F32\\[8, 8] -> blocks.0.attn.qkv.weight rows 0 to 7")
                .contains("classifier.weight F32[3, 16] -> head_mean.weight, half of the columns 1")
                .contains("embeddings.mask_token is not needed: it stands for masked patches in pretraining");
        JsonNode json = CliRun.of("inspect", "--json", "--image-size", 16, resource("/schemes/google_vit.npz")).json();
        assertThat(json.get("scheme").textValue()).isEqualTo("Google ViT");
        assertThat(json.get("configuration").get("num_heads").get("value").textValue()).isEqualTo("2");
        assertThat(json.get("configuration").get("num_heads").get("origin").textValue()).startsWith("tensor opt/target/");
        assertThat(json.get("position_resampling").textValue()).isEqualTo("bilinear, align_corners");
        assertThat(json.get("parameters").longValue()).isGreaterThan(1000);
        assertThat(json.get("weight_bytes").longValue()).isEqualTo(4 * json.get("parameters").longValue());
        assertThat(json.get("tensors").size()).isGreaterThan(40);
    }

    @Test
    void inspectSaysWhatIsWrong() throws Exception {
        CliRun unknown = CliRun.of("inspect", "--set", "heads=2", resource("/schemes/google_vit.npz"));
        assertThat(unknown.exitCode()).isEqualTo(ExitCodes.USAGE);
        assertThat(unknown.errors()).singleElement().asString().contains("unknown setting 'heads'");
        CliRun size = CliRun.of("inspect", "--image-size", 7, resource("/schemes/google_vit.npz"));
        assertThat(size.exitCode()).isEqualTo(ExitCodes.USAGE);
        assertThat(size.errors()).singleElement().asString().contains("divisor of the image size 7");
        CliRun missing = CliRun.of("inspect", folder.resolve("nothing/at all"));
        assertThat(missing.exitCode()).isEqualTo(ExitCodes.BAD_INPUT);
    }

    @Test
    void exportWritesEveryFormatOnce() throws Exception {
        for (String format : new String[] {"timm", "hf", "torchvision", "onnx"}) {
            Path out = folder.resolve(format);
            CliRun run = CliRun.of("export", "--model", resource("/golden/tiny.timm.safetensors"), "--format", format,
                    "--out", out, "--json");
            assertThat(run.exitCode()).as(run.err()).isZero();
            assertThat(run.json().get("out").textValue()).isEqualTo(out.toString());
            CliRun again = CliRun.of("export", "--model", resource("/golden/tiny.timm.safetensors"), "--format", format,
                    "--out", out);
            assertThat(again.exitCode()).isEqualTo(ExitCodes.CANNOT_WRITE);
            if (!format.equals("onnx")) {
                CliRun verified = CliRun.of("verify", "--model", out, "--expected",
                        resource("/golden/tiny.expected.safetensors"), "--device", "cpu");
                assertThat(verified.exitCode()).as(verified.err()).isZero();
            }
        }
        CliRun refused = CliRun.of("export", "--model", resource("/schemes/lucidrains_new.safetensors"), "--format",
                "timm", "--out", folder.resolve("no"));
        assertThat(refused.exitCode()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(refused.errors()).singleElement().asString().contains("timm has no Vision Transformer with heads of width");
    }

    @Test
    void verifyAcceptsOnOneDeviceWhatItRecordedOnAnother() throws Exception {
        Path recorded = folder.resolve("recorded.safetensors");
        Path model = resource("/schemes/hf_deit_teacher");
        CliRun record = CliRun.of("verify", "--model", model, "--record", recorded, "--images", 3, "--device",
                "reference", "--json");
        assertThat(record.exitCode()).as(record.err()).isZero();
        assertThat(record.json().get("device").textValue()).startsWith("reference");
        assertThat(record.json().get("images").intValue()).isEqualTo(3);
        try (Safetensors file = Safetensors.open(recorded)) {
            assertThat(file.entry("logits").shape()).containsExactly(3, 3);
            assertThat(file.entry("activation.patch_embed.proj").shape()).containsExactly(3, 8, 2, 2);
            assertThat(file.entry("activation.blocks.1.attn").shape()).containsExactly(3, 6, 8);
            assertThat(file.entry("grad.input").shape()).containsExactly(file.entry("input").shape());
        }
        CliRun verified = CliRun.of("verify", "--model", model, "--expected", recorded, "--device", "cpu", "--json");
        assertThat(verified.exitCode()).as(verified.err()).isZero();
        assertThat(verified.json().get("device").textValue()).startsWith("cpu");
        assertThat(verified.json().get("tensors")).hasSize(record.json().get("tensors").intValue());
        assertThat(CliRun.of("verify", "--model", model, "--device", "cpu").exitCode()).isEqualTo(ExitCodes.USAGE);
        CliRun headless = CliRun.of("verify", "--model", resource("/schemes/hf_vit_backbone"), "--record",
                folder.resolve("headless"), "--device", "cpu");
        assertThat(headless.exitCode()).isEqualTo(ExitCodes.BAD_INPUT);
        assertThat(Files.exists(folder.resolve("headless"))).isFalse();
    }

    private static Path resource(String name) throws URISyntaxException, IOException {
        return Path.of(Objects.requireNonNull(ModelCommandsTest.class.getResource(name)).toURI());
    }
}
