#!/usr/bin/env python3
"""Draws test images and resizes them with Pillow (Debian: python3-pil). Run it in this folder to write the files again."""
import glob
import io
import os
import random
import struct
import zlib
from PIL import Image, ImageDraw, ImageOps

FILTERS = {"box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = [(16, 16), (12, 29), (37, 9), (61, 50), (3, 90), (1, 1)]


def draw(mode):
    """Shapes with hard edges, so that filters overshoot, over noise."""
    rng = random.Random(7)
    image = Image.new("RGB", (37, 29))
    image.putdata([tuple(rng.randrange(256) if x < 12 else (x * 7, y * 8, 128)[c] for c in range(3))
                   for y in range(29) for x in range(37)])
    pen = ImageDraw.Draw(image)
    pen.ellipse((14, 4, 30, 20), fill=(255, 255, 255), outline=(0, 0, 0))
    pen.line((0, 28, 36, 0), fill=(255, 0, 40), width=2)
    pen.rectangle((31, 20, 36, 28), fill=(0, 0, 0))
    return image.convert(mode)


for name, mode in (("rgb", "RGB"), ("grey", "L")):
    image = draw(mode)
    image.save(f"{name}.png")
    for filter_name, number in FILTERS.items():
        # The outputs one below the other, at the left, on a canvas as wide as the widest.
        canvas = Image.new(mode, (max(w for w, _ in SIZES), sum(h for _, h in SIZES)))
        top = 0
        for size in SIZES:
            canvas.paste(image.resize(size, number), (0, top))
            top += size[1]
        canvas.save(f"{name}.{filter_name}.png")

image = draw("RGB")
image.save("baseline.jpg", quality=95, subsampling=0)
image.save("progressive.jpg", quality=95, subsampling=0, progressive=True)
draw("L").save("grey.jpg", quality=95)
image.save("rgb.bmp")
image.quantize(64, dither=0).save("palette.png")
image.quantize(64, dither=0).save("palette.gif")
image.quantize(64, dither=0).convert("RGB").save("palette.expected.png")
alpha = image.convert("RGBA")
alpha.putalpha(Image.linear_gradient("L").resize(image.size))
alpha.save("alpha.png")
for name in ("baseline", "progressive", "grey"):
    Image.open(f"{name}.jpg").convert("RGB").save(f"{name}.expected.png")
# 16 bit grey: Pillow keeps the upper byte through point(); written as the bytes it should become.
wide = Image.new("I;16", (37, 29))
wide.putdata([v * 256 + (v * 37) % 256 for v in draw("L").getdata()])
wide.save("grey16.png")
draw("L").point(lambda v: 255 if v > 127 else 0).convert("1").save("grey1.png")
draw("L").point(lambda v: 255 if v > 127 else 0).save("grey1.expected.png")

# Every orientation that a camera may have written; 1 is upright.
corner = draw("RGB").resize((13, 7), Image.BOX)
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    corner.save(f"orientation.{orientation}.jpg", quality=95, subsampling=0, exif=exif)
    ImageOps.exif_transpose(Image.open(f"orientation.{orientation}.jpg")).save(f"orientation.{orientation}.png")

# Every way of storing pixels that a decoder has code of its own for. Where Pillow does not write it, the functions
# below do; what Pillow reads from it is what is expected.
W, H = 43, 31


def scene():
    """Waves in all colours, so that colour conversion, blocks and chroma between samples show, and hard edges."""
    image = Image.new("RGB", (W, H))
    image.putdata([(128 + (x * x // 9 + 3 * y) % 128, (5 * x + y * y // 5) % 256, (255 - 6 * x + 4 * y) % 256)
                   for y in range(H) for x in range(W)])
    pen = ImageDraw.Draw(image)
    pen.ellipse((6, 3, 24, 20), fill=(250, 30, 20), outline=(0, 0, 0))
    pen.polygon((26, 29, 33, 8, 41, 27), fill=(20, 40, 240))
    return image


def png(name, width, height, depth, colour, rows, interlace=0, extra=b""):
    """Writes a PNG from its scanlines, one pass or seven, unfiltered."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace)
    data = b"".join(b"\0" + row for row in rows)
    with open(name, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data, 9))
                   + chunk(b"IEND", b""))


def packed(values, bits):
    """Samples of fewer than 8 bits, the first one in the upper bits."""
    text = "".join(format(v, f"0{bits}b") for v in values)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))


def bmp(name, bits, compression, pixels, palette=b"", masks=b"", height=H, width=W):
    start = 14 + 40 + len(masks) + len(palette)
    with open(name, "wb") as file:
        file.write(b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start))
        file.write(struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(pixels), 2835, 2835,
                               len(palette) // 4, 0))
        file.write(masks + palette + pixels)


def jpegs(image):
    for name, options in {"420": {}, "422": {"subsampling": 1}, "progressive420": {"progressive": True},
                          "low": {"quality": 10}}.items():
        image.save(f"coding/{name}.jpg", **{"quality": 85, "subsampling": 2, **options})
    image.convert("CMYK").save("coding/cmyk.jpg", quality=90)
    # Adobe's luma, chroma and black: as Pillow inverts all four when it writes and reads, so does this.
    y, cb, cr = image.convert("YCbCr").split()
    black = Image.linear_gradient("L").resize(image.size).point(lambda v: v // 2)
    inverted = [band.point(lambda v: 255 - v) for band in (y, cb, cr, black.point(lambda v: 255 - v))]
    buffer = io.BytesIO()
    Image.merge("CMYK", inverted).save(buffer, "JPEG", quality=90)
    data = bytearray(buffer.getvalue())
    data[data.index(b"Adobe") + 11] = 2
    open("coding/ycck.jpg", "wb").write(data)


def pngs(image):
    grey = image.convert("L")
    for bits in (1, 2, 4):
        image.quantize(2 ** bits, dither=0).save(f"coding/palette{bits}.png", bits=bits)
        rows = [packed([grey.getpixel((x, y)) >> 8 - bits for x in range(W)], bits) for y in range(H)]
        png(f"coding/grey{bits}.png", W, H, bits, 0, rows)
    transparent = image.quantize(16, dither=0)
    transparent.save("coding/transparent.png", transparency=3)
    grey.save("coding/colourkey.png", transparency=128)
    Image.merge("LA", (grey, Image.linear_gradient("L").resize(image.size))).save("coding/greyalpha.png")
    wide = [[[sample << 8 | sample * 7 % 256 for sample in image.getpixel((x, y))] for x in range(W)]
            for y in range(H)]
    png("coding/rgb16.png", W, H, 16, 2, [struct.pack(f">{3 * W}H", *sum(row, [])) for row in wide])
    png("coding/rgba16.png", W, H, 16, 6,
        [struct.pack(f">{4 * W}H", *sum((p + [9000] for p in row), [])) for row in wide])
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    png("coding/interlaced.png", W, H, 8, 2,
        [b"".join(bytes(image.getpixel((x, y))) for x in range(x0, W, dx))
         for x0, y0, dx, dy in passes for y in range(y0, H, dy)], interlace=1)
    # A gamma that is not the usual one: Pillow does not apply it.
    gamma = b"gAMA" + struct.pack(">I", 100000)
    png("coding/gamma.png", W, H, 8, 2, [image.crop((0, y, W, y + 1)).tobytes() for y in range(H)],
        extra=struct.pack(">I", 4) + gamma + struct.pack(">I", zlib.crc32(gamma)))


def bmps(image):
    image.convert("1").save("coding/1.bmp")
    palette = image.quantize(200, dither=0)
    palette.save("coding/palette.bmp")
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(image.size))
    alpha.save("coding/alpha.bmp")
    image.convert("L").save("coding/grey.bmp")
    upwards = range(H - 1, -1, -1)

    def words(green_bits):
        rows = b""
        for y in upwards:
            for x in range(W):
                r, g, b = image.getpixel((x, y))
                rows += struct.pack("<H", r >> 3 << 5 + green_bits | g >> 8 - green_bits << 5 | b >> 3)
            rows += b"\0" * (-2 * W % 4)
        return rows
    bmp("coding/555.bmp", 16, 0, words(5))
    bmp("coding/565.bmp", 16, 3, words(6), masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f))
    downwards = b"".join(bytes(image.getpixel((x, y))[::-1][c] for x in range(W) for c in range(3)) + b"\0" * (-3 * W % 4)
                         for y in range(H))
    bmp("coding/downwards.bmp", 24, 0, downwards, height=-H)
    colours = palette.getpalette()
    table = b"".join(bytes(colours[3 * i:3 * i + 3][::-1]) + b"\0" for i in range(200))
    runs = b"".join(b"".join(bytes((1, palette.getpixel((x, y)))) for x in range(W)) + b"\0\0" for y in upwards) + b"\0\1"
    bmp("coding/rle.bmp", 8, 1, runs, palette=table)


def gifs(image):
    palette = image.quantize(32, dither=0)
    palette.save("coding/interlaced.gif", interlace=True)
    palette.save("coding/transparent.gif", transparency=5)
    palette.save("coding/animated.gif", save_all=True, append_images=[palette.rotate(180)], duration=50)
    image.convert("L").save("coding/grey.gif")
    # The first image at (5, 3) of a larger screen: only the headers know.
    buffer = io.BytesIO()
    palette.crop((0, 0, 20, 11)).save(buffer, "GIF", interlace=False)
    data = bytearray(buffer.getvalue())
    data[6:10] = struct.pack("<HH", 30, 19)
    first = data.index(b"\x2c" + struct.pack("<HHHH", 0, 0, 20, 11))
    data[first + 1:first + 5] = struct.pack("<HH", 5, 3)
    open("coding/offset.gif", "wb").write(data)


def webps(image):
    image.save("coding/lossless.webp", lossless=True)
    for quality in (10, 50, 90):
        image.save(f"coding/lossy{quality}.webp", quality=quality, method=6)
    image.convert("L").save("coding/grey.webp", quality=80)
    image.quantize(7, dither=0).convert("RGB").save("coding/fewcolours.webp", lossless=True)
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(image.size))
    alpha.save("coding/alpha.webp", quality=70)
    alpha.save("coding/losslessalpha.webp", lossless=True, exact=True)
    image.save("coding/animated.webp", save_all=True, append_images=[image.rotate(180)], quality=80)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save("coding/turned.webp", lossless=True, exif=exif)
    image.save("coding/turned.png", exif=exif)


os.makedirs("coding", exist_ok=True)
everything = scene()
for write in (jpegs, pngs, bmps, gifs, webps):
    write(everything)
for name in sorted(glob.glob("coding/*")):
    if not name.endswith(".expected.png"):
        ImageOps.exif_transpose(Image.open(name)).convert("RGB").save(f"{name}.expected.png", optimize=True)
