// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.tornado;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Which grid of its kernel a launch has, counted from 0 in the order in which they come. */
final class GridNumbers {
    private final Map<TornadoKernel, List<List<Integer>>> known = new HashMap<>();

    /** Equal for launches of a kernel that may be the same task; a library's product is as it was captured, all of it. */
    int of(Launch launch) {
        List<Integer> grid = new ArrayList<>(List.of(launch.groupsX(), launch.groupsY(), launch.groupsZ()));
        if (launch.kernel().library() != null) {
            IntStream.of(launch.parameters()).forEach(grid::add);
        }
        List<List<Integer>> grids = known.computeIfAbsent(launch.kernel(), kernel -> new ArrayList<>());
        if (!grids.contains(grid)) {
            grids.add(grid);
        }
        return grids.indexOf(grid);
    }
}
