// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.reference;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.BackendProvider;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.List;
import java.util.Map;

/** Offers the one {@link ReferenceBackend}, to those who ask for it by name only. */
public final class ReferenceBackendProvider implements BackendProvider {
    @Override
    public String name() {
        return "reference";
    }

    @Override
    public int autoOrder() {
        return -1;
    }

    @Override
    public List<DeviceInfo> devices() {
        return List.of(DeviceInfo.usable(
                name(), "naive loops in double precision, for tests", Map.of("precision", "float64")));
    }

    @Override
    public Backend open(String selector, BackendOptions options) {
        if (!selector.isEmpty() && !selector.equals("0")) {
            throw new DeviceException("there is no device 'reference:" + selector + "': use 'reference'");
        }
        return new ReferenceBackend();
    }
}
