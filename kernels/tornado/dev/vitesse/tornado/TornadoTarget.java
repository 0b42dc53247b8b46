// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * A device of one of TornadoVM's drivers.
 *
 * @param driver index of the driver ("backend" in TornadoVM)
 * @param number of the device in it
 * @param language what the driver compiles to
 * @param device TornadoVM's own object
 * @param computeUnits over which work is divided
 */
record TornadoTarget(int driver, int number, TornadoVMBackendType language, TornadoDevice device, int computeUnits) {

    static TornadoTarget of(int driver, int number, TornadoVMBackendType language, TornadoDevice device) {
        return new TornadoTarget(
                driver, number, language, device, Math.max(1, device.getPhysicalDevice().getDeviceMaxComputeUnits()));
    }

    /** The same device, for which work is divided as if it were a smaller or a larger one. */
    TornadoTarget withComputeUnits(int count) {
        return new TornadoTarget(driver, number, language, device, count);
    }

    boolean isGpu() {
        return device.getDeviceType() == TornadoDeviceType.GPU;
    }

    String description() {
        return device.getPhysicalDevice().getDeviceName().strip() + " (TornadoVM, "
                + (language == TornadoVMBackendType.OPENCL ? "OpenCL" : language) + ")";
    }

    /** Smallest first: CUDA before PTX before OpenCL on a GPU, then everything else. */
    int rank() {
        int order = switch (language) {
            case CUDA -> 0;
            case PTX -> 1;
            default -> 2;
        };
        return isGpu() ? order : 10 + order;
    }

    /** Bytes of the largest array; drivers that do not know give nothing positive. */
    long mostBytes() {
        long largest = device.getPhysicalDevice().getDeviceMaxAllocationSize();
        long all = device.getPhysicalDevice().getDeviceGlobalMemorySize();
        return Math.min(largest > 0 ? largest : Long.MAX_VALUE, all > 0 ? all : Long.MAX_VALUE);
    }

    DeviceInfo info(String id) {
        var physical = device.getPhysicalDevice();
        Map<String, String> details = new LinkedHashMap<>();
        details.put("driver", language + ", " + device.getPlatformName());
        details.put("type", device.getDeviceType().name().toLowerCase(Locale.ROOT));
        details.put("memory", physical.getDeviceGlobalMemorySize() / (1 << 20) + " MiB");
        details.put("largest array", mostBytes() / (1 << 20) + " MiB");
        details.put("local memory", physical.getDeviceLocalMemorySize() / (1 << 10) + " KiB");
        details.put("compute units", String.valueOf(physical.getDeviceMaxComputeUnits()));
        String problem = problem();
        return new DeviceInfo(id, description(), problem.isEmpty(), problem.isEmpty() && isGpu(), problem, details);
    }

    /** What the kernels need and this device lacks; empty if nothing. */
    String problem() {
        var physical = device.getPhysicalDevice();
        int needed = isGpu() ? TornadoAttention.LOCAL_BYTES : TornadoCpuAttention.LOCAL_BYTES;
        if (physical.getDeviceLocalMemorySize() < needed) {
            return "it has " + physical.getDeviceLocalMemorySize() + " bytes of local memory, the kernels need " + needed;
        }
        long[] largest = physical.getDeviceMaxWorkGroupSize();
        if (largest != null && largest.length > 0 && largest[0] < TornadoCopy.LOCAL) {
            return "its work-groups have at most " + largest[0] + " items, the kernels need " + TornadoCopy.LOCAL;
        }
        return "";
    }

    /** TornadoVM throws exceptions and errors of many kinds, each with its own idea of a message. */
    DeviceException failure(String what, Throwable cause) {
        if (cause instanceof OutOfMemoryError error) {
            throw error;
        }
        if (cause instanceof DeviceException known) {
            return known;
        }
        Throwable root = cause;
        while (root.getCause() != null && root.getCause() != root) {
            root = root.getCause();
        }
        String text = root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
        String line = text.replaceAll("\u001B\\[[0-9;]*m", "").strip().lines().findFirst().orElse("");
        return new DeviceException("TornadoVM failed on " + description() + " in '" + what + "': " + line, cause);
    }

    /**
     * The generated code of a task ("graph.task") of a plan. TornadoVM's API has no way to it, so this goes through its
     * implementation, whose package the launcher's export lists open.
     *
     * @throws DeviceException if that is not as it was
     */
    String source(TornadoExecutionPlan plan, String task, String method) {
        try {
            Object context = device.getDeviceContext();
            Object code = context.getClass().getMethod("getInstalledCode", long.class, String.class, String.class)
                    .invoke(context, plan.getId(), task, method);
            return (String) code.getClass().getMethod("getGeneratedSourceCode").invoke(code);
        } catch (ReflectiveOperationException | NullPointerException e) {
            throw new DeviceException("this version of TornadoVM does not tell the source of its " + language + " kernels", e);
        }
    }

    /** The ending of a file with this driver's code. */
    String fileEnding() {
        return switch (language) {
            case CUDA -> ".cu";
            case PTX -> ".ptx";
            default -> ".cl";
        };
    }
}
