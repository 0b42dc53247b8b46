#!/usr/bin/env python3
"""Draws test images and resizes them with Pillow (Debian: python3-pil). Run it in this folder to write the files again."""
import random
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
