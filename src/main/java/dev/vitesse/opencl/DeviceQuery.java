// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import static org.jocl.CL.clGetDeviceInfo;
import static org.jocl.CL.clGetPlatformInfo;

import dev.vitesse.backend.DeviceException;
import java.nio.charset.StandardCharsets;
import org.jocl.CL;
import org.jocl.Pointer;
import org.jocl.Sizeof;
import org.jocl.cl_device_id;
import org.jocl.cl_platform_id;

/** Reads properties of platforms and devices. */
final class DeviceQuery {
    private DeviceQuery() {}

    /** A property of type cl_ulong or a bit field. */
    static long number(cl_device_id device, int property) {
        long[] value = new long[1];
        check(clGetDeviceInfo(device, property, Sizeof.cl_ulong, Pointer.to(value), null));
        return value[0];
    }

    /** A property of type size_t. */
    static long size(cl_device_id device, int property) {
        long[] value = new long[1];
        check(clGetDeviceInfo(device, property, Sizeof.size_t, Pointer.to(value), null));
        return value[0];
    }

    /** A property of type cl_uint or cl_bool. */
    static long integer(cl_device_id device, int property) {
        int[] value = new int[1];
        check(clGetDeviceInfo(device, property, Sizeof.cl_uint, Pointer.to(value), null));
        return Integer.toUnsignedLong(value[0]);
    }

    static String text(cl_device_id device, int property) {
        long[] size = new long[1];
        check(clGetDeviceInfo(device, property, 0, null, size));
        byte[] bytes = new byte[(int) size[0]];
        check(clGetDeviceInfo(device, property, bytes.length, Pointer.to(bytes), null));
        return decode(bytes);
    }

    static String text(cl_platform_id platform, int property) {
        long[] size = new long[1];
        check(clGetPlatformInfo(platform, property, 0, null, size));
        byte[] bytes = new byte[(int) size[0]];
        check(clGetPlatformInfo(platform, property, bytes.length, Pointer.to(bytes), null));
        return decode(bytes);
    }

    /** A C string: what follows the first zero byte does not count. */
    static String decode(byte... bytes) {
        String text = new String(bytes, StandardCharsets.UTF_8);
        int end = text.indexOf('\0');
        return (end < 0 ? text : text.substring(0, end)).strip();
    }

    private static void check(int status) {
        if (status != CL.CL_SUCCESS) {
            throw new DeviceException("OpenCL does not describe a device: " + CL.stringFor_errorCode(status));
        }
    }
}
