// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.model;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.Shapes;
import dev.vitesse.backend.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * A set of device tensors laid out like a model's parameters: the weights, their gradients, an optimizer's moments.
 *
 * <p>Tensors of the blocks are slabs with a leading depth axis; {@code blocks.attn.qkv.weight} is [L, 3HA, D] and its
 * entry 3 is what timm calls {@code blocks.3.attn.qkv.weight}.
 */
public final class Parameters implements AutoCloseable {
    private final VitConfig config;
    private final List<ParameterLayout> layout;
    private final Map<String, Tensor> slabs = new LinkedHashMap<>();

    /**
     * Allocates a set filled with zeros.
     *
     * @param label set before each name in messages, for instance {@code gradient}; empty for the weights
     */
    public Parameters(Backend backend, VitConfig config, String label) {
        this.config = config;
        layout = ParameterLayout.of(config);
        for (ParameterLayout slab : layout) {
            slabs.put(slab.name(), backend.tensor(label.isEmpty() ? slab.name() : label + " " + slab.name(),
                    slab.slabShape()));
        }
    }

    /** The slabs by name, in a fixed order. What acts on every parameter alike, such as an optimizer, goes over these. */
    public Map<String, Tensor> slabs() {
        return java.util.Collections.unmodifiableMap(slabs);
    }

    /** Whether weight decay applies to a slab: to matrices, not to biases, norms, tokens and positions. */
    public boolean decays(String slab) {
        return layoutOf(slab).kind().decays();
    }

    /** The names and shapes of {@link #named()} for {@code config}, without allocating anything. */
    public static Map<String, int[]> shapes(VitConfig config) {
        Map<String, int[]> shapes = new LinkedHashMap<>();
        List<ParameterLayout> layout = ParameterLayout.of(config);
        for (ParameterLayout slab : layout) {
            switch (slab.kind()) {
                case TOKEN -> ParameterLayout.tokens(config).forEach(
                        (name, count) -> shapes.put(name, new int[] {1, count, config.width()}));
                case POSITION -> shapes.put(slab.name(), Shapes.prepend(1, slab.shape()));
                default -> {
                    if (slab.depth() == 0) {
                        shapes.put(slab.name(), slab.shape());
                    }
                }
            }
        }
        for (int layer = 0; layer < config.depth(); layer++) {
            for (ParameterLayout slab : layout) {
                if (slab.depth() > 0) {
                    shapes.put(slab.nameOfBlock(layer), slab.shape());
                }
            }
        }
        return shapes;
    }

    /** Every parameter under timm's name and with timm's shape, blocks expanded, in a fixed order. */
    public Map<String, Tensor> named() {
        Map<String, Tensor> named = new LinkedHashMap<>();
        for (ParameterLayout slab : layout) {
            Tensor tensor = slabs.get(slab.name());
            // timm keeps a batch axis of one before tokens and positions.
            switch (slab.kind()) {
                case TOKEN -> putTokens(named, tensor);
                case POSITION -> named.put(slab.name(), tensor.reshape(Shapes.prepend(1, slab.shape())));
                default -> {
                    if (slab.depth() == 0) {
                        named.put(slab.name(), tensor);
                    }
                }
            }
        }
        for (int layer = 0; layer < config.depth(); layer++) {
            for (ParameterLayout slab : layout) {
                if (slab.depth() > 0) {
                    named.put(slab.nameOfBlock(layer), slabs.get(slab.name()).slice(layer));
                }
            }
        }
        return named;
    }

    private void putTokens(Map<String, Tensor> named, Tensor all) {
        int first = 0;
        for (Map.Entry<String, Integer> token : ParameterLayout.tokens(config).entrySet()) {
            int count = token.getValue();
            named.put(token.getKey(), all.rows(first, count).reshape(1, count, config.width()));
            first += count;
        }
    }

    /** The tokens that stand before the patches, [R, D]; null if there are none. */
    public @Nullable Tensor prefix() {
        return layout.stream().filter(slab -> slab.kind() == ParameterLayout.Kind.TOKEN).findFirst()
                .map(slab -> slabs.get(slab.name())).orElse(null);
    }

    /**
     * A tensor that is not a block's.
     *
     * @throws NoSuchElementException if the model has none of that name
     */
    Tensor get(String name) {
        return find(name).orElseThrow(() -> new NoSuchElementException("no parameter " + name));
    }

    /** A tensor that is not a block's, or null if the model has none of that name. */
    @Nullable Tensor getOrNull(String name) {
        return slabs.get(name);
    }

    /** Block {@code layer}'s tensor: {@code get("attn.qkv.weight", 3)}. */
    Tensor get(String name, int layer) {
        return get("blocks." + name).slice(layer);
    }

    /** Block {@code layer}'s tensor, or null if the model's blocks have none of that name. */
    @Nullable Tensor getOrNull(String name, int layer) {
        Tensor slab = slabs.get("blocks." + name);
        return slab == null ? null : slab.slice(layer);
    }

    List<ParameterLayout> layout() {
        return new ArrayList<>(layout);
    }

    private ParameterLayout layoutOf(String name) {
        return layout.stream().filter(slab -> slab.name().equals(name)).findFirst()
                .orElseThrow(() -> new NoSuchElementException("no parameter " + name));
    }

    private java.util.Optional<Tensor> find(String name) {
        return java.util.Optional.ofNullable(slabs.get(name));
    }

    @Override
    public void close() {
        slabs.values().forEach(Tensor::close);
    }
}
