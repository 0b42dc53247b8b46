// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.ElementType;
import dev.vitesse.backend.Kernels;
import dev.vitesse.backend.Program;
import dev.vitesse.backend.Tensor;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Consumer;

/** The processor as a device: tensors are heap arrays, programs are lists of operations. */
final class CpuBackend implements Backend {
    private final ThreadTeam team;
    private final Set<CpuBuffer> buffers = Collections.newSetFromMap(new IdentityHashMap<>());
    /** One block of working memory per thread, as large as the greediest recorded operation wants. */
    private float[][] scratch;
    /** What several threads write for one operation. */
    private float[] shared = new float[0];
    private boolean closed;

    CpuBackend(int threads) {
        team = new ThreadTeam(threads);
        scratch = new float[threads][0];
    }

    @Override
    public String name() {
        return "cpu (" + team.size() + (team.size() == 1 ? " thread, " : " threads, ") + Simd.BITS + "-bit vectors)";
    }

    /** The Java heap's limit. */
    @Override
    public OptionalLong memoryBytes() {
        return OptionalLong.of(Runtime.getRuntime().maxMemory());
    }

    @Override
    public Tensor tensor(String name, ElementType type, int... shape) {
        checkOpen();
        CpuTensor tensor = new CpuTensor(this, name, type, shape);
        buffers.add(tensor.buffer());
        return tensor;
    }

    @Override
    public Program record(String name, Consumer<Kernels> body) {
        checkOpen();
        CpuRecorder recorder = new CpuRecorder(this);
        body.accept(recorder);
        return new CpuProgram(this, name, recorder.operations());
    }

    void checkOpen() {
        if (closed) {
            throw new IllegalStateException("the cpu backend is closed");
        }
    }

    ThreadTeam team() {
        return team;
    }

    /** Asks, while recording, for at least {@code floats} elements of working memory for each thread. */
    void reserveScratch(long floats) {
        if (scratch[0].length < floats) {
            for (int i = 0; i < scratch.length; i++) {
                scratch[i] = CpuBuffer.allocateFloats("working memory of thread " + i, floats);
            }
        }
    }

    /** The working memory of a thread of the team; holds nothing from one item to the next. */
    float[] scratch(int worker) {
        return scratch[worker];
    }

    /** Asks, while recording, for at least {@code floats} elements that all threads share. */
    void reserveShared(long floats) {
        if (shared.length < floats) {
            shared = CpuBuffer.allocateFloats("working memory", floats);
        }
    }

    /** Memory for partial results; holds nothing from one operation to the next. */
    float[] shared() {
        return shared;
    }

    void forget(CpuBuffer buffer) {
        buffers.remove(buffer);
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            team.close();
            List.copyOf(buffers).forEach(CpuBuffer::close);
            scratch = new float[team.size()][0];
            shared = new float[0];
        }
    }
}
