// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.MemoryPlan;
import dev.vitesse.kernels.KernelCase;
import dev.vitesse.kernels.Operand;
import dev.vitesse.train.DeviceMemory;
import dev.vitesse.train.Optimizers;
import java.util.List;
import java.util.Locale;

/** Whether workloads fit into a device, before minutes are spent on those that do. */
final class MemoryCheck {
    private static final String REMEDY = "; use a smaller --batch or --preset";

    private MemoryCheck() {}

    /**
     * Checks all of {@code workloads}.
     *
     * @throws DeviceException if one of them does not fit
     */
    static void check(List<Workload> workloads, String device, Backend backend) {
        for (Workload workload : workloads) {
            checkImages(workload);
            long needed;
            try {
                needed = neededBytes(workload, backend);
            } catch (ArithmeticException e) {
                throw new DeviceException(workload.id() + " has tensors of more than 2^31 elements" + REMEDY);
            }
            long available = backend.memoryBytes().orElse(Long.MAX_VALUE);
            if (needed > available) {
                throw new DeviceException(String.format(Locale.ROOT, "%s needs %,d MiB on %s, which has %,d%s%s",
                        workload.id(), needed >> 20, device, available >> 20, REMEDY,
                        device.equals("cpu") ? ", or raise the limit with VITESSE_JAVA_OPTS=-Xmx16g" : ""));
            }
        }
    }

    /** The processes hand each other arrays as files that are read as a whole. */
    private static void checkImages(Workload workload) {
        long images = (long) Float.BYTES * workload.batch() * workload.config().imageElements();
        if (images > Integer.MAX_VALUE) {
            throw new DeviceException(String.format(Locale.ROOT,
                    "the images of %s take %,d MiB, of which benchmarks can hand over %,d%s", workload.id(), images >> 20,
                    Integer.MAX_VALUE >> 20, REMEDY));
        }
    }

    private static long neededBytes(Workload workload, Backend backend) {
        return switch (workload.kind()) {
            case KERNEL -> ofKernel(workload.kernel(), backend);
            case INFERENCE -> DeviceMemory.ofInference(workload.config(), workload.batch(), backend);
            case TRAINING ->
                DeviceMemory.ofTraining(workload.config(), workload.batch(), Optimizers.adamW(0), 0, backend);
        };
    }

    private static long ofKernel(KernelCase kernelCase, Backend backend) {
        MemoryPlan plan = new MemoryPlan(backend);
        for (Operand operand : kernelCase.argumentOperands()) {
            plan.tensor(operand.name(), operand.type(), operand.shape());
        }
        return plan.byteSize();
    }
}
