// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
    private static final String ALL = "{\"a\": 1, \"b\": 12345678901, \"c\": 12345678901234567890, \"d\": 1e-12,"
            + " \"e\": [true, false, null], \"f\": {\"g\": \"\\u00e4\\n\", \"h\": []}, \"i\": -0.0}";

    @Test
    void readsTheTreeThatTheMapperReads() throws IOException {
        assertThat(Json.read(ALL)).isEqualTo(new ObjectMapper().readTree(ALL));
        assertThat(Json.read(ALL.getBytes("UTF-16"))).isEqualTo(new ObjectMapper().readTree(ALL));
        assertThat(Json.read("").isMissingNode()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"a\": 1, \"a\": 1}", "{} {}", "[1,]", "{\"a\"}", "nul", "[", "1 x", "]", "{\"a\": NaN}"})
    void refusesWhatIsMalformedDoubledOrGoesOn(String json) {
        assertThatThrownBy(() -> Json.read(json)).isInstanceOf(JsonProcessingException.class);
    }

    @Test
    void nestsAHundredDeepAndNoDeeper() throws IOException {
        assertThat(Json.read("[".repeat(100) + "]".repeat(100)).isArray()).isTrue();
        assertThatThrownBy(() -> Json.read("[".repeat(101) + "]".repeat(101)))
                .isInstanceOf(JsonProcessingException.class);
    }

    @Test
    void makesTheNodesThatTheMapperMakes() {
        List<Object> values = List.of(1, 1L << 40, 0.1f, 0.1, true, "x", List.of(0.5f, 2), Map.of("k", List.of("v")));
        ObjectNode node = Json.object();
        node.put("own", 1);
        assertThat(Json.of(values)).isEqualTo(new ObjectMapper().valueToTree(values));
        assertThat(Json.of(node)).isSameAs(node);
        assertThatThrownBy(() -> Json.of(new Object())).isInstanceOf(IllegalArgumentException.class);
    }
}
