// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.io;

import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/**
 * Interprets the part of Python's pickle (protocols 2 to 4) that torch.save writes for tensors. A pickle is a program
 * that may call anything; this one can only build dictionaries, lists, tuples, numbers, strings and descriptions of
 * tensors. Any other opcode or class ends it with an error that names it.
 */
final class Unpickler {
    private static final String REMEDY = "save the model's state_dict() alone, or as safetensors";
    /** PyTorch's own limit. Without one, a long tuple that many tensors share would be copied for each of them. */
    private static final int MAX_AXES = 64;

    private static final Map<String, StoredType> STORAGES = Map.of(
            "torch DoubleStorage", StoredType.F64, "torch FloatStorage", StoredType.F32,
            "torch HalfStorage", StoredType.F16, "torch BFloat16Storage", StoredType.BF16,
            "torch LongStorage", StoredType.I64, "torch IntStorage", StoredType.I32,
            "torch ShortStorage", StoredType.I16, "torch CharStorage", StoredType.I8,
            "torch ByteStorage", StoredType.U8, "torch BoolStorage", StoredType.BOOL);

    private final Path path;
    private final ByteBuffer in;
    private final List<@Nullable Object> stack = new ArrayList<>();
    private final Map<Integer, @Nullable Object> memo = new HashMap<>();

    /** A class that may be named. */
    private record Global(String name) {}

    /** Where a run of stack entries starts. */
    private record Mark() {}

    /** A run of elements of one type in an entry of the archive. */
    record Storage(String key, StoredType type) {}

    /** What the pickle says about a tensor; offset and strides in elements. */
    record StoredTensor(Storage storage, long offset, long[] shape, long[] strides) {}

    Unpickler(Path path, byte[] pickle) {
        this.path = path;
        in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
    }

    /**
     * Runs the pickle.
     *
     * @return a Map, List, Object[] (tuple), String, Long, Double, Boolean, null or {@link StoredTensor}
     */
    @Nullable Object load() throws InvalidFileException {
        try {
            while (true) {
                int opcode = in.get() & 0xff;
                if (opcode == '.') {
                    return pop();
                }
                execute(opcode);
            }
        } catch (BufferUnderflowException e) {
            throw invalid("its pickle is cut short");
        } catch (IndexOutOfBoundsException | NoSuchElementException | ClassCastException | NullPointerException e) {
            throw invalid("its pickle does not fit together at byte " + in.position());
        }
    }

    private void execute(int opcode) throws InvalidFileException {
        switch (opcode) {
            case 0x80 -> requireProtocol(in.get());
            case 0x95 -> in.getLong();
            case '(' -> stack.add(new Mark());
            case '}' -> stack.add(new LinkedHashMap<>());
            case ']' -> stack.add(new ArrayList<>());
            case ')' -> stack.add(new Object[0]);
            case 'N' -> stack.add(null);
            case 0x88 -> stack.add(true);
            case 0x89 -> stack.add(false);
            case 'J' -> stack.add((long) in.getInt());
            case 'K' -> stack.add((long) (in.get() & 0xff));
            case 'M' -> stack.add((long) (in.getShort() & 0xffff));
            case 0x8a -> stack.add(longInteger());
            case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
            case 'X' -> stack.add(text(in.getInt()));
            case 0x8c -> stack.add(text(in.get() & 0xff));
            case 'c' -> stack.add(global(line() + " " + line()));
            case 0x93 -> {
                Object name = pop();
                stack.add(global(pop() + " " + name));
            }
            case 'q' -> memo.put(in.get() & 0xff, top());
            case 'r' -> memo.put(in.getInt(), top());
            case 0x94 -> memo.put(memo.size(), top());
            case 'h' -> stack.add(remembered(in.get() & 0xff));
            case 'j' -> stack.add(remembered(in.getInt()));
            case 't' -> stack.add(aboveMark().toArray());
            case 0x85, 0x86, 0x87 -> stack.add(tuple(opcode - 0x84));
            case 's', 'u' -> setItems(opcode == 's');
            case 'a', 'e' -> append(opcode == 'a');
            case 'Q' -> stack.add(storage((Object[]) pop()));
            case 'R' -> reduce();
            case 'b' -> build();
            default -> throw new InvalidFileException(path, String.format(
                    "its pickle uses the opcode 0x%02x at byte %d", opcode, in.position() - 1), REMEDY);
        }
    }

    private void requireProtocol(int protocol) throws InvalidFileException {
        if (protocol < 2 || protocol > 4) {
            throw new InvalidFileException(path, "its pickle has protocol " + protocol, REMEDY);
        }
    }

    private Global global(String name) throws InvalidFileException {
        boolean known = switch (name) {
            case "collections OrderedDict", "torch._utils _rebuild_tensor_v2",
                    "torch._utils _rebuild_parameter" -> true;
            default -> STORAGES.containsKey(name);
        };
        if (!known) {
            throw new InvalidFileException(path, "its pickle asks for " + name.replace(' ', '.'), REMEDY);
        }
        return new Global(name);
    }

    /** Calls one of the three functions that are known. */
    private void reduce() throws InvalidFileException {
        Object[] arguments = (Object[]) pop();
        Global function = (Global) pop();
        stack.add(switch (function.name()) {
            case "collections OrderedDict" -> orderedDict(arguments);
            case "torch._utils _rebuild_tensor_v2" -> tensor(arguments);
            case "torch._utils _rebuild_parameter" -> (StoredTensor) arguments[0];
            default -> throw new InvalidFileException(path, "its pickle calls " + function.name(), REMEDY);
        });
    }

    /** Of the arguments, those after the strides are about gradients. */
    private StoredTensor tensor(Object[] arguments) throws InvalidFileException {
        long[] shape = sizes(arguments[2]);
        long[] strides = sizes(arguments[3]);
        if (shape.length != strides.length) {
            throw invalid("its pickle has a tensor with " + shape.length + " sizes and " + strides.length + " strides");
        }
        return new StoredTensor((Storage) arguments[0], nonNegative(arguments[1]), shape, strides);
    }

    private Map<Object, @Nullable Object> orderedDict(Object[] arguments) throws InvalidFileException {
        if (arguments.length > 0) {
            throw invalid("its pickle makes an OrderedDict of values");
        }
        return new LinkedHashMap<>();
    }

    /** A dictionary's attributes ({@code _metadata}, versions of modules) say nothing about tensors. */
    private void build() throws InvalidFileException {
        pop();
        if (!(top() instanceof Map)) {
            throw invalid("its pickle sets the state of something other than a dictionary");
        }
    }

    private Storage storage(Object[] id) throws InvalidFileException {
        StoredType type = STORAGES.get(((Global) id[1]).name());
        if (!"storage".equals(id[0]) || type == null) {
            throw invalid("its pickle refers to something other than a storage");
        }
        return new Storage((String) id[2], type);
    }

    private long[] sizes(Object tuple) throws InvalidFileException {
        Object[] values = (Object[]) tuple;
        if (values.length > MAX_AXES) {
            throw invalid("its pickle has a tensor of " + values.length + " axes, more than " + MAX_AXES);
        }
        long[] sizes = new long[values.length];
        for (int i = 0; i < sizes.length; i++) {
            sizes[i] = nonNegative(values[i]);
        }
        return sizes;
    }

    private long nonNegative(Object value) throws InvalidFileException {
        if ((Long) value < 0) {
            throw invalid("its pickle has the size or offset " + value);
        }
        return (Long) value;
    }

    @SuppressWarnings("unchecked")
    private void setItems(boolean single) throws InvalidFileException {
        List<@Nullable Object> items = single ? Arrays.asList(tuple(2)) : aboveMark();
        Map<Object, @Nullable Object> map = (Map<Object, @Nullable Object>) top();
        for (int i = 0; i + 1 < items.size(); i += 2) {
            // A container as a key could hold itself.
            if (!(items.get(i) instanceof String) && !(items.get(i) instanceof Long)) {
                throw invalid("its pickle has a dictionary whose keys are not strings or integers");
            }
            map.put(items.get(i), items.get(i + 1));
        }
    }

    @SuppressWarnings("unchecked")
    private void append(boolean single) {
        List<@Nullable Object> items = new ArrayList<>();
        if (single) {
            items.add(pop());
        } else {
            items.addAll(aboveMark());
        }
        ((List<@Nullable Object>) top()).addAll(items);
    }

    private Object[] tuple(int size) {
        Object[] values = new Object[size];
        for (int i = size - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return values;
    }

    private List<@Nullable Object> aboveMark() {
        int mark = stack.size() - 1;
        while (!(stack.get(mark) instanceof Mark)) {
            mark--;
        }
        List<@Nullable Object> run = stack.subList(mark + 1, stack.size());
        List<@Nullable Object> values = new ArrayList<>(run);
        stack.subList(mark, stack.size()).clear();
        return values;
    }

    private @Nullable Object remembered(int index) throws InvalidFileException {
        if (!memo.containsKey(index)) {
            throw invalid("its pickle refers to entry " + index + " of its memo, which is not there");
        }
        return memo.get(index);
    }

    private @Nullable Object pop() {
        return stack.removeLast();
    }

    private @Nullable Object top() {
        return stack.getLast();
    }

    private String text(int length) {
        if (length < 0 || length > in.remaining()) {
            throw new BufferUnderflowException();
        }
        byte[] bytes = new byte[length];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private String line() {
        StringBuilder line = new StringBuilder();
        for (int c = in.get(); c != '\n'; c = in.get()) {
            line.append((char) (c & 0xff));
        }
        return line.toString();
    }

    /** A little-endian two's complement integer of up to eight bytes. */
    private long longInteger() throws InvalidFileException {
        int length = in.get() & 0xff;
        if (length > Long.BYTES) {
            throw invalid("its pickle has an integer of " + length + " bytes");
        }
        long value = 0;
        for (int i = 0; i < length; i++) {
            value |= (in.get() & 0xffL) << 8 * i;
        }
        int unused = 64 - 8 * length;
        return length == 0 ? 0 : value << unused >> unused;
    }

    private InvalidFileException invalid(String problem) {
        return new InvalidFileException(path, problem, ZipTensors.REMEDY);
    }
}
