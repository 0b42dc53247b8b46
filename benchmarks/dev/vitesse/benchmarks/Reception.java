// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.SocketTimeoutException;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Where contenders' processes call in, over this machine's loopback interface only. */
final class Reception implements AutoCloseable {
    private static final int POLL_MILLIS = 100;
    private static final Duration HELLO = Duration.ofSeconds(60);

    private final ServerSocket server;
    private final Map<String, Link> links = new HashMap<>();

    Reception() {
        try {
            server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
            server.setSoTimeout(POLL_MILLIS);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    int port() {
        return server.getLocalPort();
    }

    /** The line of {@code contender}, or null if it has not called within a moment. */
    @Nullable Link poll(String contender) {
        if (!links.containsKey(contender)) {
            accept();
        }
        return links.get(contender);
    }

    private void accept() {
        try {
            Link link = new Link(server.accept());
            ObjectNode hello = link.receive(HELLO);
            links.put(hello.path("contender").asText(), link);
        } catch (SocketTimeoutException | Link.BrokenException e) {
            // Nobody called, or nobody who belongs here.
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Ends the line of {@code contender}, if there is one. */
    void hangUp(String contender) {
        Link link = links.remove(contender);
        if (link != null) {
            link.close();
        }
    }

    @Override
    public void close() {
        links.values().forEach(Link::close);
        links.clear();
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
