// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_DEVICE_AVAILABLE;
import static org.jocl.CL.CL_DEVICE_COMPILER_AVAILABLE;
import static org.jocl.CL.CL_DEVICE_ENDIAN_LITTLE;
import static org.jocl.CL.CL_DEVICE_GLOBAL_MEM_SIZE;
import static org.jocl.CL.CL_DEVICE_LOCAL_MEM_SIZE;
import static org.jocl.CL.CL_DEVICE_MAX_CLOCK_FREQUENCY;
import static org.jocl.CL.CL_DEVICE_MAX_COMPUTE_UNITS;
import static org.jocl.CL.CL_DEVICE_MAX_MEM_ALLOC_SIZE;
import static org.jocl.CL.CL_DEVICE_MAX_WORK_GROUP_SIZE;
import static org.jocl.CL.CL_DEVICE_NAME;
import static org.jocl.CL.CL_DEVICE_TYPE;
import static org.jocl.CL.CL_DEVICE_TYPE_CPU;
import static org.jocl.CL.CL_DEVICE_TYPE_GPU;
import static org.jocl.CL.CL_DEVICE_VERSION;
import static org.jocl.CL.CL_DRIVER_VERSION;
import static org.jocl.CL.CL_PLATFORM_NAME;
import static org.jocl.CL.CL_PLATFORM_VERSION;

import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/**
 * What an OpenCL device says of itself.
 *
 * @param platform its handle
 * @param handle of the device
 * @param name the device's own name
 * @param platformName name and version of the platform
 * @param version of OpenCL, as the device words it: {@code OpenCL 3.0 CUDA}
 * @param driver version of the driver
 * @param kind GPU, CPU or OTHER
 * @param computeUnits that run work-groups side by side
 * @param clockMegahertz the highest clock rate
 * @param memoryBytes of global memory
 * @param largestBufferBytes the most that one buffer may hold
 * @param localBytes of local memory for each work-group
 * @param largestGroup the most work-items of a work-group
 * @param problem why it cannot be used, empty if it can
 */
record OpenClDevice(
        cl_platform_id platform,
        cl_device_id handle,
        String name,
        String platformName,
        String version,
        String driver,
        Kind kind,
        int computeUnits,
        long clockMegahertz,
        long memoryBytes,
        long largestBufferBytes,
        long localBytes,
        long largestGroup,
        String problem) {

    /** The smallest work-group and local memory that some set of kernel sizes fits into. */
    static final int GROUP_NEEDED = 64;

    static final int LOCAL_BYTES_NEEDED = 32 * 1024;

    enum Kind {
        GPU,
        CPU,
        OTHER
    }

    static OpenClDevice query(cl_platform_id platform, cl_device_id device) {
        long type = DeviceQuery.number(device, CL_DEVICE_TYPE);
        Kind kind = (type & CL_DEVICE_TYPE_GPU) != 0 ? Kind.GPU
                : (type & CL_DEVICE_TYPE_CPU) != 0 ? Kind.CPU : Kind.OTHER;
        long local = DeviceQuery.number(device, CL_DEVICE_LOCAL_MEM_SIZE);
        long group = DeviceQuery.size(device, CL_DEVICE_MAX_WORK_GROUP_SIZE);
        String version = DeviceQuery.text(device, CL_DEVICE_VERSION);
        return new OpenClDevice(
                platform,
                device,
                DeviceQuery.text(device, CL_DEVICE_NAME),
                DeviceQuery.text(platform, CL_PLATFORM_NAME) + ", " + DeviceQuery.text(platform, CL_PLATFORM_VERSION),
                version,
                DeviceQuery.text(device, CL_DRIVER_VERSION),
                kind,
                (int) DeviceQuery.integer(device, CL_DEVICE_MAX_COMPUTE_UNITS),
                DeviceQuery.integer(device, CL_DEVICE_MAX_CLOCK_FREQUENCY),
                DeviceQuery.number(device, CL_DEVICE_GLOBAL_MEM_SIZE),
                DeviceQuery.number(device, CL_DEVICE_MAX_MEM_ALLOC_SIZE),
                local,
                group,
                problem(device, version, local, group));
    }

    private static String problem(cl_device_id device, String version, long local, long group) {
        if (DeviceQuery.integer(device, CL_DEVICE_AVAILABLE) == 0) {
            return "the driver says that it is not available";
        }
        if (DeviceQuery.integer(device, CL_DEVICE_COMPILER_AVAILABLE) == 0) {
            return "its driver has no compiler";
        }
        if (DeviceQuery.integer(device, CL_DEVICE_ENDIAN_LITTLE) == 0) {
            return "it is big-endian";
        }
        if (version.startsWith("OpenCL 1.0") || version.startsWith("OpenCL 1.1")) {
            return "it offers " + version.strip() + "; 1.2 is needed (a newer driver may have it)";
        }
        if (group < GROUP_NEEDED || local < LOCAL_BYTES_NEEDED) {
            return "its work-groups have at most " + group + " work-items and " + local + " bytes of local memory; "
                    + GROUP_NEEDED + " and " + LOCAL_BYTES_NEEDED + " are needed";
        }
        return "";
    }

    boolean usable() {
        return problem.isEmpty();
    }

    /** What identifies compiled code and measured sizes: they hold for this device under this driver. */
    String identity() {
        return name + "; " + platformName + "; " + version + "; " + driver;
    }

    /** The facts that {@code vitesse devices} shows. */
    Map<String, String> details() {
        Map<String, String> details = new LinkedHashMap<>();
        details.put("platform", platformName);
        details.put("type", kind.name());
        details.put("version", version.strip());
        details.put("driver", driver);
        details.put("memory", mebibytes(memoryBytes) + ", one buffer at most " + mebibytes(largestBufferBytes));
        details.put("compute units", computeUnits + " at up to " + clockMegahertz + " MHz");
        details.put("work-group", largestGroup + " work-items, " + localBytes / 1024 + " KiB of local memory");
        return details;
    }

    static String mebibytes(long bytes) {
        return String.format(Locale.ROOT, "%,d MiB", bytes >> 20);
    }
}
