// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Backends;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Weights in several files, and models in Hugging Face's cache. */
class ModelFoldersTest {
    @TempDir
    Path folder;

    @Test
    void joinsShards() throws Exception {
        shard("tiny.hf", List.of("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"));
        try (TensorFile sharded = TensorFiles.open(folder); TensorFile whole = TensorFiles.open(golden("tiny.hf"))) {
            assertThat(sharded.tensors().keySet()).containsExactlyInAnyOrderElementsOf(whole.tensors().keySet());
            for (String name : whole.tensors().keySet()) {
                assertThat(sharded.floats(name)).containsExactly(whole.floats(name));
            }
        }
        try (Backend backend = Backends.open("reference")) {
            ModelFiles.load(folder, backend).close();
        }
    }

    @Test
    void refusesIndexAndShardsThatDisagree() throws Exception {
        Path index = shard("tiny.hf", List.of("a.safetensors", "b.safetensors"));
        String text = Files.readString(index);
        String first = "\"classifier.bias\": \"a.safetensors\"";
        assertThat(text).contains(first);
        assertRefused(index, text.replace(first, "\"classifier.bias\": \"b.safetensors\""), "b.safetensors, which does not");
        assertRefused(index, text.replace(first + ", ", ""), "does not say that a.safetensors holds tensor classifier.bias");
        assertRefused(index, text.replace(first, "\"classifier.bias\": \"../a.safetensors\""), "names the file ../a");
        assertRefused(index, text.replace(first, "\"classifier.bias\": \"c.safetensors\""), "c.safetensors: does not exist");
        assertRefused(index, "{\"weight_map\": 3}", "the key weight_map is 3; it must be an object of texts");
        Files.delete(index);
        assertThatThrownBy(() -> TensorFiles.open(folder)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("model.safetensors: does not exist, nor model.safetensors.index.json or pytorch_model.bin");
    }

    private void assertRefused(Path index, String text, String problem) throws IOException {
        Files.writeString(index, text);
        assertThatThrownBy(() -> TensorFiles.open(index)).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining(problem);
    }

    @Test
    void findsModelsInTheCacheByName() throws Exception {
        String commit = "3f49326eb077187dfe1c2a2bb15fbd74e6ab91e3";
        Path model = folder.resolve("models--some-org--vit.tiny_1");
        Path snapshot = Files.createDirectories(model.resolve("snapshots").resolve(commit));
        Files.createDirectories(model.resolve("refs"));
        Files.writeString(model.resolve("refs/main"), commit);
        HuggingFaceCache cache = new HuggingFaceCache(folder);
        assertThat(ModelFiles.locate(Path.of("some-org/vit.tiny_1"), cache)).isEqualTo(snapshot);
        assertThat(cache.find("some-org/vit.tiny_1@" + commit)).contains(snapshot);
        assertThat(cache.find("some-org/other")).isEmpty();
        assertThatThrownBy(() -> cache.find("some-org/vit.tiny_1@v2")).isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("has no snapshot of revision v2");
        assertThatThrownBy(() -> cache.find("some-org/vit.tiny_1@a/../../refs")).isInstanceOf(InvalidFileException.class);
        assertThatThrownBy(() -> ModelFiles.locate(Path.of("some-org/other"), cache))
                .isInstanceOf(InvalidFileException.class)
                .hasMessageContaining("nor is it a model in the Hugging Face cache " + folder);
        assertThat(ModelFiles.locate(Path.of("/no/such/file"), cache)).isEqualTo(Path.of("/no/such/file"));
    }

    @Test
    void findsTheCache() {
        Path home = Path.of("/home/x");
        assertThat(HuggingFaceCache.of(Map.of("HF_HUB_CACHE", "/a", "HF_HOME", "/b"), home).folder())
                .isEqualTo(Path.of("/a"));
        assertThat(HuggingFaceCache.of(Map.of("HF_HOME", "/b", "XDG_CACHE_HOME", "/c"), home).folder())
                .isEqualTo(Path.of("/b/hub"));
        assertThat(HuggingFaceCache.of(Map.of("XDG_CACHE_HOME", "/c"), home).folder())
                .isEqualTo(Path.of("/c/huggingface/hub"));
        assertThat(HuggingFaceCache.of(Map.of(), home).folder())
                .isEqualTo(Path.of("/home/x/.cache/huggingface/hub"));
    }

    /** Writes a golden file's tensors into several files, in turn, and their index. */
    private Path shard(String name, List<String> files) throws Exception {
        StringJoiner map = new StringJoiner(", ", "{\"metadata\": {\"total_size\": 1}, \"weight_map\": {", "}}");
        try (Safetensors whole = Safetensors.open(golden(name))) {
            List<SafetensorsWriter> writers = new ArrayList<>();
            files.forEach(file -> writers.add(new SafetensorsWriter().metadata(whole.metadata())));
            int next = 0;
            for (TensorFile.Entry entry : whole.tensors().values()) {
                writers.get(next).add(entry.name(), entry.type(), entry.shape(), whole.bytes(entry.name()));
                map.add("\"" + entry.name() + "\": \"" + files.get(next) + "\"");
                next = (next + 1) % files.size();
            }
            for (int i = 0; i < files.size(); i++) {
                writers.get(i).write(folder.resolve(files.get(i)));
            }
        }
        return Files.writeString(folder.resolve("model.safetensors.index.json"), map.toString());
    }

    private static Path golden(String name) throws Exception {
        return Path.of(ModelFoldersTest.class.getResource("/golden/" + name + ".safetensors").toURI());
    }
}
