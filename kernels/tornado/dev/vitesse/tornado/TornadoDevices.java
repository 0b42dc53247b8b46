// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** The devices of the drivers that TornadoVM has loaded. */
public final class TornadoDevices implements TornadoAccess {
    /** By default a kernel that fails to compile is run by the JVM with every index 0. */
    private static final String BAIL_OUT = "tornado.recover.bailout";

    private final List<TornadoTarget> targets;

    /**
     * Starts TornadoVM if this is the first time.
     *
     * @throws DeviceException if it is set to hide failures or finds no device
     */
    public TornadoDevices() {
        setDefaults();
        SteadySources.prepare();
        targets = find();
        if (targets.isEmpty()) {
            throw new DeviceException("TornadoVM finds no device: install a driver (for the CPU: pocl-opencl-icd)");
        }
    }

    /** Options that TornadoVM reads once, when it starts. */
    private static void setDefaults() {
        if (!"false".equalsIgnoreCase(System.getProperty(BAIL_OUT, "false"))) {
            throw new DeviceException("TornadoVM would run kernels that do not compile as plain Java with wrong results:"
                    + " start with -D" + BAIL_OUT + "=False");
        }
        setDefault(BAIL_OUT, "False");
        // Every execution clears a list of so many events; the default of 32768 costs more than the kernels.
        setDefault("tornado.max.events", "1024");
        setDefault("tornado.tvm.maxbytecodesize", "65536");
        // Without -cl-fast-relaxed-math, which makes noise of infinities and NaN.
        setDefault("tornado.opencl.compiler.flags", "-cl-mad-enable -w");
        // A counter, which by default ends at 4 GB; DeviceMemory asks the device itself.
        setDefault("tornado.device.memory", "1024GB");
    }

    /** The best device of a driver. */
    Optional<TornadoTarget> find(TornadoVMBackendType language) {
        return targets.stream().filter(target -> target.language() == language).findFirst();
    }

    private static void setDefault(String property, String value) {
        if (System.getProperty(property) == null) {
            System.setProperty(property, value);
        }
    }

    private static List<TornadoTarget> find() {
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        List<TornadoTarget> found = new ArrayList<>();
        for (int driver = 0; driver < runtime.getNumBackends(); driver++) {
            TornadoBackend backend = runtime.getBackend(driver);
            for (int number = 0; number < backend.getNumDevices(); number++) {
                found.add(TornadoTarget.of(driver, number, backend.getBackendType(), backend.getDevice(number)));
            }
        }
        found.sort(Comparator.comparingInt(TornadoTarget::rank));
        return found;
    }

    @Override
    public List<DeviceInfo> devices() {
        List<DeviceInfo> infos = new ArrayList<>();
        for (TornadoTarget target : targets) {
            infos.add(target.info(TornadoBackendProvider.NAME + ":" + infos.size()));
        }
        return infos;
    }

    @Override
    public Backend open(String selector, BackendOptions options) {
        TornadoTarget target = select(selector);
        String problem = target.problem();
        if (!problem.isEmpty()) {
            throw new DeviceException("TornadoVM device " + target.description() + " cannot be used: " + problem);
        }
        return dev.vitesse.tornado.TornadoBackend.open(
                target, TornadoBackendProvider.NAME + ":" + targets.indexOf(target), options,
                TornadoVariant.of(target));
    }

    private TornadoTarget select(String selector) {
        for (int i = 0; i < targets.size(); i++) {
            String language = targets.get(i).language().name().toLowerCase(Locale.ROOT);
            if (selector.isEmpty() || selector.equals(String.valueOf(i)) || selector.equals(language)) {
                return targets.get(i);
            }
        }
        throw new DeviceException("there is no device 'tornado:" + selector + "': TornadoVM has "
                + IntStream.range(0, targets.size())
                        .mapToObj(i -> TornadoBackendProvider.NAME + ":" + i + ", a device of its " + targets.get(i).language()
                                + " driver")
                        .collect(Collectors.joining("; "))
                + ('0' <= selector.charAt(0) && selector.charAt(0) <= '9' ? "" : "; drivers are chosen when TornadoVM's SDK is"
                        + " built ('sdk install tornadovm 5.2.0-jdk25-cuda'), and CUDA and PTX need NVIDIA's driver"));
    }

    @Override
    public Map<String, String> kernelSources(Backend backend) {
        if (backend instanceof dev.vitesse.tornado.TornadoBackend tornado) {
            return tornado.kernelSources();
        }
        throw new IllegalArgumentException(backend.name() + " is not a backend of TornadoVM");
    }

    @Override
    public double gigaflops(String selector) {
        return TornadoPeak.gigaflops(select(selector));
    }
}
