// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cpu;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.BackendProvider;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Offers the processor that the program runs on. Itself free of the Vector API, so that it can tell how to add the
 * module where it is missing.
 */
public final class CpuBackendProvider implements BackendProvider {
    private static final String MODULE = "jdk.incubator.vector";

    @Override
    public String name() {
        return "cpu";
    }

    @Override
    public int autoOrder() {
        return 100;
    }

    @Override
    public List<DeviceInfo> devices() {
        String description = System.getProperty("os.arch") + " processor";
        if (!hasVectorApi()) {
            return List.of(DeviceInfo.unusable(name(), description, missingModule()));
        }
        Map<String, String> details = new LinkedHashMap<>();
        details.put("threads", String.valueOf(Runtime.getRuntime().availableProcessors()));
        details.put("vectors", Simd.BITS + " bits");
        details.put("memory", (Runtime.getRuntime().maxMemory() >> 20) + " MiB of Java heap");
        return List.of(DeviceInfo.usable(name(), description, details));
    }

    @Override
    public Backend open(String selector, BackendOptions options) {
        if (!selector.isEmpty() && !selector.equals("0")) {
            throw new DeviceException("there is no device cpu:" + selector + "; use cpu");
        }
        if (!hasVectorApi()) {
            throw new DeviceException(missingModule());
        }
        return new CpuBackend(options.threadCount());
    }

    /**
     * Gets the kernels of a forward pass compiled in the background, for programs that want one answer soon. Does
     * nothing where the Vector API is missing.
     */
    public static void rehearse() {
        if (hasVectorApi()) {
            Thread.ofPlatform().daemon().name("vitesse-rehearsal").start(new Rehearsal());
        }
    }

    private static boolean hasVectorApi() {
        return ModuleLayer.boot().findModule(MODULE).isPresent();
    }

    private static String missingModule() {
        return "the CPU backend needs the Vector API: start java with --add-modules " + MODULE;
    }
}
