// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.backend;

import static org.assertj.core.api.Assertions.assertThat;

import dev.vitesse.opencl.OpenClBackendProvider;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import sun.misc.Signal;

@EnabledOnOs(OS.LINUX)
class SignalHandlersTest {
    private static final int SIGSEGV = 11;
    private static final int SIGWINCH = 28;

    @Test
    void theJvmKeepsItsHandlerWhenDevicesAreListed() throws IOException {
        // PoCL, where it is installed, brings LLVM into the process.
        new OpenClBackendProvider().devices();
        assertThat(libraryOf(handler(SIGSEGV))).endsWith("/libjvm.so");
    }

    @Test
    void aReplacedHandlerComesBack() {
        long before = handler(SIGWINCH);
        try (SignalHandlers handlers = SignalHandlers.keep()) {
            Signal.handle(new Signal("WINCH"), signal -> {});
            assertThat(handler(SIGWINCH)).isNotEqualTo(before);
        }
        assertThat(handler(SIGWINCH)).isEqualTo(before);
    }

    /** The address of {@code signal}'s handler, which comes first in Linux's {@code struct sigaction}. */
    private static long handler(int signal) {
        try (Arena arena = Arena.ofConfined()) {
            return SignalHandlers.current(signal, arena).get(ValueLayout.JAVA_LONG, 0);
        }
    }

    private static String libraryOf(long address) throws IOException {
        List<String> maps = Files.readAllLines(Path.of("/proc/self/maps"));
        for (String line : maps) {
            String[] range = line.substring(0, line.indexOf(' ')).split("-");
            if (Long.compareUnsigned(address, Long.parseUnsignedLong(range[0], 16)) >= 0
                    && Long.compareUnsigned(address, Long.parseUnsignedLong(range[1], 16)) < 0) {
                return line;
            }
        }
        return "nothing";
    }
}
