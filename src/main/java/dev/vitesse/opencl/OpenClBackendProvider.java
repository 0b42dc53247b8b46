// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.opencl;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.BackendProvider;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.ArrayList;
import java.util.List;

/** Offers every OpenCL device; {@code auto} takes GPUs only, because the CPU has a faster backend of its own. */
public final class OpenClBackendProvider implements BackendProvider {
    private static final String NAME = "opencl";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int autoOrder() {
        return 50;
    }

    @Override
    public List<DeviceInfo> devices() {
        try {
            List<DeviceInfo> infos = new ArrayList<>();
            for (OpenClDevice device : OpenClDevices.find()) {
                infos.add(describe(device, NAME + ":" + infos.size()));
            }
            return infos;
        } catch (DeviceException e) {
            return List.of(DeviceInfo.unusable(NAME, "OpenCL", e.getMessage()));
        }
    }

    private static DeviceInfo describe(OpenClDevice device, String id) {
        return new DeviceInfo(id, device.name(), device.usable(), device.kind() == OpenClDevice.Kind.GPU,
                device.problem(), device.details());
    }

    @Override
    public Backend open(String selector, BackendOptions options) {
        return OpenClBackend.open(select(selector));
    }

    /**
     * The device that {@code selector}, the part of an id after the colon, means; empty for the best one.
     *
     * @throws DeviceException if there is none, or it cannot be used
     */
    static OpenClDevice select(String selector) {
        List<OpenClDevice> devices = OpenClDevices.find();
        int index = selector.isEmpty() ? 0 : indexOf(selector);
        if (index < 0 || index >= devices.size()) {
            throw new DeviceException("there is no device 'opencl:" + selector + "': use opencl:0 to opencl:"
                    + (devices.size() - 1) + " ('vitesse devices' lists them)");
        }
        OpenClDevice device = devices.get(index);
        if (!device.usable()) {
            throw new DeviceException("OpenCL device " + device.name() + " cannot be used: " + device.problem());
        }
        return device;
    }

    private static int indexOf(String selector) {
        try {
            return Integer.parseInt(selector);
        } catch (NumberFormatException e) {
            return -1;
        }
    }
}
