// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.cli;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.vitesse.backend.Backends;
import dev.vitesse.backend.DeviceInfo;
import java.util.List;
import picocli.CommandLine.Command;

/** {@code vitesse devices}: what can compute here, and why something cannot. */
@Command(name = "devices", description = "Lists the devices that can compute, and why others cannot.")
final class DevicesCommand extends CliCommand {
    DevicesCommand(Console console) {
        super(console);
    }

    @Override
    public Integer call() {
        List<DeviceInfo> devices = Backends.devices();
        ObjectNode result = Console.result();
        ArrayNode array = result.putArray("devices");
        for (DeviceInfo device : devices) {
            ObjectNode node = array.addObject()
                    .put("id", device.id())
                    .put("description", device.description())
                    .put("usable", device.usable())
                    .put("problem", device.problem());
            ObjectNode details = node.putObject("details");
            device.details().forEach(details::put);
        }
        print(result, () -> printTable(devices));
        return ExitCodes.OK;
    }

    private void printTable(List<DeviceInfo> devices) {
        int idWidth = devices.stream().mapToInt(device -> device.id().length()).max().orElse(0);
        String indent = " ".repeat(idWidth + 2);
        for (DeviceInfo device : devices) {
            console.out().printf("%-" + idWidth + "s  %s%n", device.id(), device.description());
            if (!device.usable()) {
                console.out().println(indent + "not usable: " + device.problem());
            }
            device.details().forEach((name, value) -> console.out().println(indent + name + ": " + value));
        }
    }
}
