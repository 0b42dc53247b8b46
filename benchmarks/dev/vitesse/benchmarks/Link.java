// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.benchmarks;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** One end of the line between the session and a contender's process: JSON objects, one a line, each with a "say". */
final class Link implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Socket socket;
    private final BufferedReader reader;

    /** A message that was not the one expected, or none because the other process ended. */
    static final class BrokenException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        BrokenException(String message) {
            super(message);
        }
    }

    Link(Socket socket) throws IOException {
        this.socket = socket;
        socket.setTcpNoDelay(true);
        reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    /** The contender's end. */
    static Link to(int port) {
        try {
            return new Link(new Socket(InetAddress.getLoopbackAddress(), port));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static ObjectNode message(String say) {
        return JSON.createObjectNode().put("say", say);
    }

    void send(ObjectNode message) {
        try {
            socket.getOutputStream().write((JSON.writeValueAsString(message) + "\n").getBytes(StandardCharsets.UTF_8));
            socket.getOutputStream().flush();
        } catch (IOException e) {
            throw new BrokenException("its process has ended");
        }
    }

    void send(String say) {
        send(message(say));
    }

    /**
     * The next message.
     *
     * @throws BrokenException if none comes in time, or the other end is gone
     */
    ObjectNode receive(Duration timeout) {
        try {
            socket.setSoTimeout(Math.toIntExact(timeout.toMillis()));
            String line = reader.readLine();
            if (line == null) {
                throw new BrokenException("its process has ended");
            }
            return (ObjectNode) JSON.readTree(line);
        } catch (SocketTimeoutException e) {
            throw new BrokenException("no answer within " + timeout.toSeconds() + " s");
        } catch (IOException | ClassCastException e) {
            throw new BrokenException("its process has ended or talks nonsense (" + e.getMessage() + ")");
        }
    }

    /** The next message, which must be {@code say}; waits as long as it takes. */
    ObjectNode await(String say) {
        ObjectNode message = receive(Duration.ZERO);
        if (!message.path("say").asText().equals(say)) {
            throw new BrokenException("expected '" + say + "', got " + message);
        }
        return message;
    }

    @Override
    public void close() {
        try {
            socket.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
