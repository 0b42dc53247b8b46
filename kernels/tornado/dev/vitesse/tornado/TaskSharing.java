// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import dev.vitesse.backend.DeviceException;
import java.lang.reflect.Field;
import java.util.List;
import uk.ac.manchester.tornado.api.ImmutableTaskGraph;

/**
 * Lets a graph launch a task several times, each time with arguments of its own: a block's kernels once for every block.
 *
 * <p>TornadoVM 5.2.0 takes a task whose name its graph knows for the same task, and compiles it once. But it counts the
 * launches in the field that holds the number of tasks, and later loops run past the end of its list. Putting the right
 * number there is all that is missing. Without it either every block is compiled anew, or it is an execution of its own.
 */
final class TaskSharing {
    private TaskSharing() {}

    /**
     * @throws DeviceException if this is not the TornadoVM that it was written for, or the JVM was started without the
     *     flags that open these fields
     */
    static void enable(ImmutableTaskGraph graph) {
        try {
            Object context = get(get(get(graph, "taskGraph"), "taskGraphImpl"), "executionContext");
            List<?> tasks = (List<?>) get(context, "tasks");
            field(context, "nextTask").setInt(context, tasks.size());
        } catch (ReflectiveOperationException | RuntimeException e) {
            throw new DeviceException("TornadoVM's task graphs cannot be opened (" + e.getMessage() + "): use version"
                    + " 5.2.0 with the flags that 'vitesse jvm-flags' prints", e);
        }
    }

    private static Object get(Object object, String name) throws ReflectiveOperationException {
        return field(object, name).get(object);
    }

    private static Field field(Object object, String name) throws ReflectiveOperationException {
        Field field = object.getClass().getDeclaredField(name);
        field.setAccessible(true);
        return field;
    }
}
