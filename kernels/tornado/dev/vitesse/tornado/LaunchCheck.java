// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.vitesse.backend.DeviceException;
import java.util.Collection;
import java.util.List;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.TornadoExecutionResult;
import uk.ac.manchester.tornado.api.enums.ProfilerMode;
import uk.ac.manchester.tornado.api.enums.TornadoVMBackendType;

/**
 * Finds kernels that did not run. TornadoVM's OpenCL driver prints the code of a launch that fails and goes on as if it had
 * not; only the profiler tells, where such a kernel has taken no time at all. It slows an execution down, so only the first
 * of each graph is looked at: what makes a launch fail (its group size, local memory, registers) is the same in all.
 */
final class LaunchCheck {
    private static final ObjectMapper JSON = new ObjectMapper();

    private LaunchCheck() {}

    /**
     * Executes a graph of a plan.
     *
     * @param name the graph's
     * @param tasks that must run
     * @param log told how long each compilation took
     * @throws DeviceException if one of them did not
     */
    static TornadoExecutionResult execute(TornadoExecutionPlan plan, int graph, TornadoTarget target, String name,
            Collection<String> tasks, CompileLog log) {
        if (target.language() != TornadoVMBackendType.OPENCL) {
            return plan.withGraph(graph).execute();
        }
        plan.withProfiler(ProfilerMode.SILENT);
        try {
            TornadoExecutionResult result = plan.withGraph(graph).execute();
            JsonNode profile = parse(result.getProfilerResult().getProfileLog());
            List<String> failed = notRun(profile, name, tasks);
            if (!failed.isEmpty()) {
                throw new DeviceException("TornadoVM could not launch " + String.join(", ", failed) + " on "
                        + target.description() + "; its driver has printed the reason");
            }
            for (String task : tasks.stream().sorted().toList()) {
                JsonNode times = profile.findValue(name + "." + task);
                log.profiled(task, times.path("TASK_COMPILE_GRAAL_TIME").asLong(), times.path("TASK_COMPILE_DRIVER_TIME").asLong());
            }
            return result;
        } finally {
            plan.withoutProfiler();
        }
    }

    static JsonNode parse(String profile) {
        try {
            return JSON.readTree(profile);
        } catch (JsonProcessingException e) {
            throw new DeviceException("TornadoVM's profile is not what it was in 5.2.0: " + e.getOriginalMessage(), e);
        }
    }

    /** Those of {@code tasks} for which a profile has no time. */
    static List<String> notRun(JsonNode profile, String graph, Collection<String> tasks) {
        return tasks.stream().sorted().filter(task -> {
            JsonNode times = profile.findValue(graph + "." + task);
            return times == null || times.path("TASK_KERNEL_TIME").asLong() <= 0;
        }).toList();
    }
}
