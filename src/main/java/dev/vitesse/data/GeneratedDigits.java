// SPDX-License-Identifier: Apache-2.0
package dev.vitesse.data;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Draws handwritten-looking digits, white on black, 28 x 28, fitted into 20 x 20 pixels and centred by mass as MNIST's
 * are. For trying things where no data are at hand; it copies no data set.
 *
 * <p>A digit is a few strokes (lines and cubic Bézier curves) in one of several styles. Their points are moved at
 * random, then slanted, rotated and stretched, then bent by a smooth random field; then the strokes are drawn with a
 * random pen. What is drawn depends on the seed and the image's index alone.
 */
public final class GeneratedDigits {
    public static final int SIZE = 28;

    private static final double BOX = 20;
    private static final int CURVE_SEGMENTS = 8;

    /** Line segments that curves are cut into where they are lines. Long ones must be able to bend as well. */
    private static final int LINE_SEGMENTS = 4;

    /** Styles of each digit: M moves, L draws a line, C a cubic curve; coordinates 0 to 100, y downwards. */
    private static final String[][] STYLES = {
        {
            "M50 3 C-8 3 -8 97 50 97 C108 97 108 3 50 3",
            "M62 6 C-5 -8 -2 97 48 97 C105 97 100 8 48 4",
            "M40 4 C0 30 5 100 45 97 C95 92 105 0 52 2 C45 3 40 8 36 14",
        },
        {"M50 2 L50 98", "M28 24 L52 2 L52 98", "M28 22 L52 2 L52 98 M26 98 L78 98", "M52 2 L48 98"},
        {
            "M12 28 C15 -8 88 -8 86 30 C84 55 35 75 12 97 L90 97",
            "M15 25 C25 -8 85 -2 80 32 C75 62 40 92 22 95 C5 95 10 72 28 78 C50 85 70 98 92 92",
            "M14 14 C40 -6 90 0 82 34 C76 58 40 70 12 95 C40 88 60 96 92 94",
        },
        {
            "M15 15 C35 -8 85 0 80 28 C77 46 55 48 40 48 C65 46 90 55 88 75 C85 102 30 103 10 85",
            "M15 4 L82 4 L45 42 C75 38 92 55 88 74 C82 102 30 102 12 86",
            "M18 10 C45 -4 88 4 76 28 C68 44 52 46 46 50 C78 48 92 66 80 82 C64 102 28 98 14 92",
        },
        {
            "M22 3 L14 55 L88 55 M68 25 L66 98",
            "M64 98 L64 3 L10 66 L92 66",
            "M26 5 C20 25 16 40 14 52 C40 56 65 54 88 50 M74 4 C68 35 64 70 62 98",
        },
        {
            "M82 4 L26 4 L20 45 C45 32 90 40 87 68 C84 102 30 102 10 86",
            "M24 4 L20 46 C45 34 88 42 86 70 C82 100 32 100 12 88 M24 4 L84 2",
            "M88 6 C65 4 45 4 34 6 C28 22 24 34 22 44 C55 40 80 52 76 74 C70 96 36 100 8 94",
        },
        {
            "M70 3 C35 20 12 50 14 72 C16 104 82 104 84 72 C84 45 30 42 16 70",
            "M55 2 C20 35 5 95 48 97 C88 97 88 52 52 52 C30 52 20 66 18 78",
            "M62 2 C30 30 18 60 22 82 C30 104 70 98 74 76 C76 56 40 56 26 84",
        },
        {
            "M10 6 L88 6 L40 98",
            "M10 6 L86 6 L44 98 M28 54 L78 52",
            "M10 16 C25 2 60 12 88 5 C70 35 48 60 42 98",
            "M14 26 L16 6 L84 6 C70 40 56 64 50 98",
        },
        {
            "M50 48 C10 40 15 3 50 3 C88 3 88 38 50 48 C5 58 8 97 50 97 C92 97 95 60 50 48",
            "M78 14 C55 -8 10 5 22 30 C35 52 85 58 82 80 C75 105 18 102 20 78 C24 55 78 45 78 14",
            "M62 6 C30 0 20 26 38 40 C60 54 78 70 66 88 C52 104 24 96 28 78 C34 58 74 40 76 22 C76 10 70 6 58 6",
        },
        {
            "M82 28 C80 -6 15 -6 16 30 C18 60 78 58 82 28 L80 98",
            "M80 25 C70 -5 15 0 16 32 C20 60 75 55 80 25 C84 55 75 85 40 97",
            "M78 14 C50 -6 14 16 22 40 C32 58 70 44 78 14 C74 50 66 74 62 98",
        },
    };

    private static final Stroke[][][] PARSED = parse();

    private GeneratedDigits() {}

    /** A curve or a line through 2 or 4 points, x and y alternating. */
    private record Stroke(boolean moves, double[] points) {}

    /**
     * Draws {@code count} digits with random labels.
     *
     * @param seed the same one draws the same digits; use different ones for training and test
     */
    public static ImageDataset draw(int count, long seed) {
        byte[] pixels = new byte[Math.multiplyExact(count, SIZE * SIZE)];
        int[] labels = new int[count];
        IntStream.range(0, count).parallel().forEach(i -> {
            SplittableRandom random = new SplittableRandom(seed + 0x9e3779b97f4a7c15L * (i + 1L));
            labels[i] = random.nextInt(10);
            draw(labels[i], random, pixels, i * SIZE * SIZE);
        });
        return new ImageDataset(1, SIZE, pixels, labels, Idx.DIGITS);
    }

    private static void draw(int digit, SplittableRandom random, byte[] pixels, int offset) {
        Stroke[][] styles = PARSED[digit];
        List<double[]> segments = segments(styles[random.nextInt(styles.length)], random);
        distort(segments, random);
        double pen = 1.5 + 2.1 * random.nextDouble();
        fit(segments, pen);
        new Pen(segments, pen, 0.8 + 0.5 * random.nextDouble()).draw(pixels, offset);
    }

    /** Line segments {x0, y0, x1, y1}, with every control point moved a little; points that coincide stay together. */
    private static List<double[]> segments(Stroke[] strokes, SplittableRandom random) {
        List<double[]> segments = new ArrayList<>();
        double x = 0;
        double y = 0;
        for (Stroke stroke : strokes) {
            double[] p = stroke.points().clone();
            for (int i = 0; i < p.length; i++) {
                p[i] += 4 * normal(random);
            }
            if (!stroke.moves()) {
                int parts = p.length == 2 ? LINE_SEGMENTS : CURVE_SEGMENTS;
                double startX = x;
                double startY = y;
                for (int i = 1; i <= parts; i++) {
                    double t = i / (double) parts;
                    double nextX = p.length == 2 ? startX + t * (p[0] - startX) : cubic(t, startX, p[0], p[2], p[4]);
                    double nextY = p.length == 2 ? startY + t * (p[1] - startY) : cubic(t, startY, p[1], p[3], p[5]);
                    segments.add(new double[] {x, y, nextX, nextY});
                    x = nextX;
                    y = nextY;
                }
            }
            x = p[p.length - 2];
            y = p[p.length - 1];
        }
        return segments;
    }

    private static double cubic(double t, double a, double b, double c, double d) {
        double s = 1 - t;
        return s * s * s * a + 3 * s * s * t * b + 3 * s * t * t * c + t * t * t * d;
    }

    /** Slant, rotation and width, then two waves that bend the plane. */
    private static void distort(List<double[]> segments, SplittableRandom random) {
        double slant = 0.12 + 0.16 * normal(random);
        double angle = 0.12 * normal(random);
        double width = 0.72 + 0.13 * normal(random);
        double cos = StrictMath.cos(angle);
        double sin = StrictMath.sin(angle);
        double[][] waves = new double[4][];
        for (int i = 0; i < waves.length; i++) {
            waves[i] = new double[] {2.5 * normal(random), normal(random) / 12, normal(random) / 12,
                2 * Math.PI * random.nextDouble()};
        }
        for (double[] segment : segments) {
            for (int i = 0; i < segment.length; i += 2) {
                double x = (segment[i] - 50) * width - (segment[i + 1] - 50) * slant;
                double y = segment[i + 1] - 50;
                double rotatedX = cos * x - sin * y;
                double rotatedY = sin * x + cos * y;
                segment[i] = rotatedX + wave(waves[0], rotatedX, rotatedY) + wave(waves[1], rotatedX, rotatedY);
                segment[i + 1] = rotatedY + wave(waves[2], rotatedX, rotatedY) + wave(waves[3], rotatedX, rotatedY);
            }
        }
    }

    /** @param wave height, and frequencies along x and y in radians, and phase */
    private static double wave(double[] wave, double x, double y) {
        return wave[0] * StrictMath.sin(wave[1] * x + wave[2] * y + wave[3]);
    }

    /** Scales into the box, the pen's width included, and moves the centre of mass to the image's centre. */
    private static void fit(List<double[]> segments, double pen) {
        double[] low = {Double.MAX_VALUE, Double.MAX_VALUE};
        double[] high = {-Double.MAX_VALUE, -Double.MAX_VALUE};
        double[] moment = new double[2];
        double length = 0;
        for (double[] s : segments) {
            double l = StrictMath.hypot(s[2] - s[0], s[3] - s[1]);
            length += l;
            for (int axis = 0; axis < 2; axis++) {
                low[axis] = Math.min(low[axis], Math.min(s[axis], s[axis + 2]));
                high[axis] = Math.max(high[axis], Math.max(s[axis], s[axis + 2]));
                moment[axis] += l * (s[axis] + s[axis + 2]) / 2;
            }
        }
        double scale = (BOX - pen) / Math.max(high[0] - low[0], high[1] - low[1]);
        for (double[] s : segments) {
            for (int i = 0; i < s.length; i++) {
                s[i] = SIZE / 2.0 + scale * (s[i] - moment[i % 2] / length);
            }
        }
    }

    /** About standard normal, and never beyond 3.5: the sum of four uniform numbers. */
    private static double normal(SplittableRandom random) {
        double sum = random.nextDouble() + random.nextDouble() + random.nextDouble() + random.nextDouble();
        return (sum - 2) * 1.7320508075688772;
    }

    private static Stroke[][][] parse() {
        Stroke[][][] digits = new Stroke[STYLES.length][][];
        for (int digit = 0; digit < digits.length; digit++) {
            digits[digit] = new Stroke[STYLES[digit].length][];
            for (int style = 0; style < digits[digit].length; style++) {
                digits[digit][style] = parse(STYLES[digit][style]);
            }
        }
        return digits;
    }

    private static Stroke[] parse(String path) {
        List<Stroke> strokes = new ArrayList<>();
        for (String command : path.split(" (?=[MLC])")) {
            String[] numbers = command.substring(1).split(" ");
            double[] points = new double[numbers.length];
            for (int i = 0; i < points.length; i++) {
                points[i] = Double.parseDouble(numbers[i]);
            }
            strokes.add(new Stroke(command.charAt(0) == 'M', points));
        }
        return strokes.toArray(Stroke[]::new);
    }

    /**
     * A round pen.
     *
     * @param width of the line in pixels
     * @param edge width in pixels over which it fades
     */
    private record Pen(List<double[]> segments, double width, double edge) {
        void draw(byte[] pixels, int offset) {
            for (int y = 0; y < SIZE; y++) {
                for (int x = 0; x < SIZE; x++) {
                    double ink = (width / 2 - distance(x + 0.5, y + 0.5)) / edge + 0.5;
                    pixels[offset + y * SIZE + x] = (byte) (int) (255 * Math.clamp(ink, 0, 1) + 0.5);
                }
            }
        }

        private double distance(double x, double y) {
            double nearest = Double.MAX_VALUE;
            for (double[] s : segments) {
                double dx = s[2] - s[0];
                double dy = s[3] - s[1];
                double square = dx * dx + dy * dy;
                double t = square == 0 ? 0 : Math.clamp(((x - s[0]) * dx + (y - s[1]) * dy) / square, 0, 1);
                double ex = x - s[0] - t * dx;
                double ey = y - s[1] - t * dy;
                nearest = Math.min(nearest, ex * ex + ey * ey);
            }
            return Math.sqrt(nearest);
        }
    }
}
