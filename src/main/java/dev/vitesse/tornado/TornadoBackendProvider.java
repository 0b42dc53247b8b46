// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.Backend;
import dev.vitesse.backend.BackendOptions;
import dev.vitesse.backend.BackendProvider;
import dev.vitesse.backend.DeviceException;
import dev.vitesse.backend.DeviceInfo;
import dev.vitesse.backend.SignalHandlers;
import java.util.List;

/** Offers TornadoVM's devices, or says what is missing: the SDK, the kernels in this build, or the JVM's flags. */
public final class TornadoBackendProvider implements BackendProvider {
    static final String NAME = "tornado";
    private static final String IMPLEMENTATION = "dev.vitesse.tornado.TornadoDevices";
    /** Why the launcher could not load the SDK, in its words; not set where it could, or where it was not asked to. */
    private static final String PROBLEM = "vitesse.tornado.problem";
    private static final String START = "'scripts/vitesse --device tornado' loads the TornadoVM SDK"
            + " ('sdk install tornadovm 5.2.0-jdk25-opencl' installs one), other programs need the flags that"
            + " 'vitesse jvm-flags' prints";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public int autoOrder() {
        return 20;
    }

    @Override
    public List<DeviceInfo> devices() {
        try {
            return access().devices();
        } catch (DeviceException e) {
            return List.of(DeviceInfo.unusable(NAME, "TornadoVM", e.getMessage()));
        }
    }

    @Override
    public Backend open(String selector, BackendOptions options) {
        return access().open(selector, options);
    }

    /** The runtime keeps its devices in static fields, so asking again costs nothing. */
    static TornadoAccess access() {
        String notLoaded = System.getProperty(PROBLEM);
        if (notLoaded != null) {
            throw new DeviceException(notLoaded + "; 'sdk install tornadovm 5.2.0-jdk25-opencl' installs TornadoVM's SDK,"
                    + " TORNADOVM_HOME names the folder of another");
        }
        try (SignalHandlers handlers = SignalHandlers.keep()) {
            return (TornadoAccess) Class.forName(IMPLEMENTATION).getDeclaredConstructor().newInstance();
        } catch (ClassNotFoundException e) {
            throw new DeviceException("this build of Vitesse has no TornadoVM kernels: install the TornadoVM SDK"
                    + " ('sdk install tornadovm 5.2.0-jdk25-opencl') and build again, which then compiles them", e);
        } catch (ReflectiveOperationException e) {
            Throwable cause = e.getCause();
            if (cause instanceof DeviceException problem) {
                throw problem;
            }
            throw new DeviceException("TornadoVM cannot start in this JVM: " + START, cause == null ? e : cause);
        } catch (LinkageError e) {
            throw new DeviceException("TornadoVM is not loaded in this JVM: " + START, e);
        }
    }
}
