// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Consumer;

/** Where backends come from: {@code Backends.open("cpu")}. */
public final class Backends {
    private Backends() {}

    /** Opens {@code device} with default options; see {@link #open(String, BackendOptions, Consumer)}. */
    public static Backend open(String device) {
        return open(device, BackendOptions.DEFAULTS);
    }

    /** Opens {@code device}; what {@code auto} chose is not told. */
    public static Backend open(String device, BackendOptions options) {
        return open(device, options, choice -> {});
    }

    /**
     * Opens a device.
     *
     * @param device {@code auto} (the first usable GPU, else the CPU), a provider's name ({@code cpu}, {@code opencl},
     *     {@code tornado}) for its best device, or {@code name:selector} for a certain one
     * @param options threads, trace
     * @param choice told in one line what {@code auto} chose and why it passed over the others
     * @throws DeviceException if the device is unknown or cannot run; an explicit device is never replaced by another
     */
    public static Backend open(String device, BackendOptions options, Consumer<String> choice) {
        Backend backend = device.equals("auto") ? openBest(providers(), options, choice) : openNamed(device, options);
        backend = checked(backend);
        return options.trace() == null ? backend : new TracedBackend(backend, options.trace());
    }

    /** {@code backend} with the checks of {@link CheckedKernels}, which {@link #open} adds to every device. */
    public static Backend checked(Backend backend) {
        return new CheckedBackend(backend);
    }

    /** Every device that the installed providers know, usable or not, in the order in which {@code auto} tries them. */
    public static List<DeviceInfo> devices() {
        List<DeviceInfo> devices = new ArrayList<>();
        for (BackendProvider provider : providers()) {
            devices.addAll(provider.devices());
        }
        return devices;
    }

    private static Backend openNamed(String device, BackendOptions options) {
        int colon = device.indexOf(':');
        String name = colon < 0 ? device : device.substring(0, colon);
        List<String> known = new ArrayList<>(List.of("auto"));
        for (BackendProvider provider : providers()) {
            if (provider.name().equals(name)) {
                return provider.open(colon < 0 ? "" : device.substring(colon + 1), options);
            }
            known.add(provider.name());
        }
        throw new DeviceException("unknown device '" + device + "': use one of " + String.join(", ", known)
                + ", with :NUMBER after the name for a certain device ('vitesse devices' lists them)");
    }

    /** The first of {@code providers}, in their order, whose best device {@code auto} may take and that opens. */
    static Backend openBest(List<BackendProvider> providers, BackendOptions options, Consumer<String> choice) {
        List<String> passedOver = new ArrayList<>();
        for (BackendProvider provider : providers) {
            if (provider.autoOrder() < 0) {
                continue;
            }
            DeviceInfo best = provider.devices().getFirst();
            if (!best.usable() || !best.automatic()) {
                passedOver.add(provider.name() + ": "
                        + (best.usable() ? best.description() + " is not faster than the CPU backend" : best.problem()));
                continue;
            }
            try {
                Backend backend = provider.open("", options);
                choice.accept("device auto: " + backend.name()
                        + (passedOver.isEmpty() ? "" : " (passed over " + String.join("; ", passedOver) + ")"));
                return backend;
            } catch (DeviceException e) {
                // A compiler's log may follow the first line.
                passedOver.add(provider.name() + ": " + e.getMessage().lines().findFirst().orElse(""));
            }
        }
        throw new DeviceException("no device can run: " + String.join("; ", passedOver));
    }

    private static List<BackendProvider> providers() {
        List<BackendProvider> providers = new ArrayList<>();
        ServiceLoader.load(BackendProvider.class).forEach(providers::add);
        providers.sort(Comparator.comparingInt(p -> p.autoOrder() < 0 ? Integer.MAX_VALUE : p.autoOrder()));
        return providers;
    }
}
