// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.CL_DEVICE_TYPE_ALL;
import static org.jocl.CL.CL_SUCCESS;
import static org.jocl.CL.clGetDeviceIDs;
import static org.jocl.CL.clGetPlatformIDs;

import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.SignalHandlers;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jocl.CL;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/** Finds the OpenCL devices of this machine. */
final class OpenClDevices {
    private static final String INSTALL =
            "install the GPU's driver, or PoCL (Debian: apt install pocl-opencl-icd) to run on the CPU";

    private OpenClDevices() {}

    /**
     * Every device of every platform: usable ones first, of these GPUs first, of these the one with the most compute
     * units; the system's order else.
     *
     * @throws DeviceException if there is no OpenCL at all; the message says what to install
     */
    static List<OpenClDevice> find() {
        try (SignalHandlers handlers = SignalHandlers.keep()) {
            return list();
        }
    }

    private static List<OpenClDevice> list() {
        List<OpenClDevice> devices = new ArrayList<>();
        for (cl_platform_id platform : platforms()) {
            int[] count = new int[1];
            if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 0, null, count) != CL_SUCCESS || count[0] == 0) {
                continue;
            }
            cl_device_id[] handles = new cl_device_id[count[0]];
            if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, handles.length, handles, null) == CL_SUCCESS) {
                for (cl_device_id handle : handles) {
                    devices.add(OpenClDevice.query(platform, handle));
                }
            }
        }
        if (devices.isEmpty()) {
            throw new DeviceException("OpenCL platforms are installed, but none has a device: " + INSTALL);
        }
        devices.sort(Comparator.comparing(OpenClDevice::usable).reversed()
                .thenComparing(OpenClDevice::kind)
                .thenComparing(OpenClDevice::computeUnits, Comparator.reverseOrder()));
        return devices;
    }

    private static cl_platform_id[] platforms() {
        try {
            int[] count = new int[1];
            int status = clGetPlatformIDs(0, null, count);
            if (status != CL_SUCCESS || count[0] == 0) {
                throw new DeviceException("no OpenCL platform is installed ("
                        + (status == CL_SUCCESS ? "the list is empty" : CL.stringFor_errorCode(status)) + "): "
                        + INSTALL);
            }
            cl_platform_id[] platforms = new cl_platform_id[count[0]];
            clGetPlatformIDs(platforms.length, platforms, null);
            return platforms;
        } catch (LinkageError | UnsupportedOperationException e) {
            // JOCL's own library, or the OpenCL library behind it, does not load.
            throw new DeviceException("the OpenCL library does not load (" + firstLine(e) + "): " + INSTALL, e);
        }
    }

    private static String firstLine(Throwable e) {
        return String.valueOf(e.getMessage()).lines().filter(line -> !line.isBlank()).findFirst().orElse("no reason given")
                .strip();
    }
}
