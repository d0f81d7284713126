"""Draws the upscaler's pictures: text, shapes, leaves, patterns and landscapes, all from one random generator.

A picture is drawn at three times its size and reduced by area, so that edges are antialiased as a camera's or a good
renderer's are. Only Pillow, numpy and the DejaVu fonts are needed.
"""

import math
import os

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

FONT_DIR = "/usr/share/fonts/truetype/dejavu"
FONTS = ["DejaVuSans", "DejaVuSans-Bold", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSerif", "DejaVuSerif-Bold"]
SYLLABLES = ("ba co da fel gri hum ix jo ka lin mo nu or pel qui ra sto tem um vel wy xi yo zan "
             "An Bre Con Del Es For 17 204 3.5 90%").split()
KINDS = ("text", "shapes", "leaves", "patterns", "landscape")
OVERSAMPLING = 3


class PictureSource:
    """Pictures of `size` x `size` RGB pixels; one seed gives one sequence."""

    def __init__(self, seed, size):
        self.random = np.random.default_rng(seed)
        self.size = size
        self.side = size * OVERSAMPLING
        self._fonts = {}

    def draw(self, kind):
        """One picture of a kind from KINDS, as a PIL image."""
        large = getattr(self, "_" + kind)()
        picture = large.resize((self.size, self.size), Image.BOX)
        if self.random.random() < 0.3:  # a soft lens now and then
            picture = picture.filter(ImageFilter.GaussianBlur(self.random.uniform(0.3, 0.7)))
        return picture

    # ---- pieces ----

    def _colour(self, low=0, high=256):
        return tuple(int(v) for v in self.random.integers(low, high, 3))

    def _point(self, margin=0.15):
        return tuple(float(v) for v in self.random.uniform(-margin * self.side, (1 + margin) * self.side, 2))

    def _font(self, height):
        key = (FONTS[self.random.integers(len(FONTS))], int(height))
        if key not in self._fonts:
            self._fonts[key] = ImageFont.truetype(os.path.join(FONT_DIR, key[0] + ".ttf"), key[1])
        return self._fonts[key]

    def _words(self, count):
        words = []
        for _ in range(count):
            words.append("".join(self.random.choice(SYLLABLES, self.random.integers(1, 4))))
        return " ".join(words)

    def _clouds(self, coarse, octaves=5, decay=0.5):
        """A smooth random field in about -1..1, [side, side]: noise of growing frequency and shrinking amplitude."""
        field = np.zeros((self.side, self.side), np.float32)
        amplitude, cells = 1.0, coarse
        for _ in range(octaves):
            noise = Image.fromarray(self.random.uniform(-1, 1, (cells + 1, cells + 1)).astype(np.float32), "F")
            field += amplitude * np.asarray(noise.resize((self.side, self.side), Image.BICUBIC))
            amplitude, cells = amplitude * decay, cells * 2
        return field

    def _gradient(self, low=0):
        """Two colours, each channel at least `low`, blended along a random direction, as an image."""
        angle = self.random.uniform(0, 2 * math.pi)
        y, x = np.mgrid[0:self.side, 0:self.side] / self.side - 0.5
        weight = (0.5 + 0.7 * (x * math.cos(angle) + y * math.sin(angle))).clip(0, 1)[..., None]
        blend = np.array(self._colour(low)) * weight + np.array(self._colour(low)) * (1 - weight)
        return Image.fromarray(blend.astype(np.uint8))

    def _textured(self, picture, strength):
        """Brightness varied by clouds of a random coarseness."""
        field = self._clouds(int(self.random.integers(3, 40)), 5, self.random.uniform(0.5, 0.85))
        values = np.asarray(picture, np.float32) + strength * field[..., None]
        return Image.fromarray(values.clip(0, 255).astype(np.uint8))

    def _blob(self, draw, centre, radius, colour):
        """An ellipse, a polygon or a turned rectangle."""
        form = self.random.integers(3)
        turn, squeeze = self.random.uniform(0, 2 * math.pi), self.random.uniform(0.3, 1)
        corners = {0: 40, 1: int(self.random.integers(3, 8)), 2: 4}[int(form)]
        points = []
        for k in range(corners):
            a = 2 * math.pi * k / corners
            r = radius * (self.random.uniform(0.6, 1.2) if form == 1 else 1.0)
            x, y = r * math.cos(a), squeeze * r * math.sin(a)
            points.append((centre[0] + x * math.cos(turn) - y * math.sin(turn),
                           centre[1] + x * math.sin(turn) + y * math.cos(turn)))
        draw.polygon(points, fill=colour)

    # ---- kinds ----

    def _text(self):
        """Lines of made-up words on a plain or shaded ground, sometimes turned."""
        dark = self.random.random() < 0.5
        ground = self._gradient() if self.random.random() < 0.3 else Image.new(
            "RGB", (self.side, self.side), self._colour(0, 90) if dark else self._colour(170, 256))
        draw = ImageDraw.Draw(ground)
        y = self.random.uniform(-10, 20)
        while y < self.side:
            height = self.random.uniform(9, 26) * OVERSAMPLING
            ink = self._colour(170, 256) if dark else self._colour(0, 90)
            draw.text((self.random.uniform(-30, 40), y), self._words(8), fill=ink, font=self._font(height))
            y += height * self.random.uniform(1.15, 1.5)
            if self.random.random() < 0.25:
                draw.line([(0, y), (self.side, y)], fill=ink, width=int(self.random.integers(2, 8)))
        if self.random.random() < 0.4:
            ground = ground.rotate(self.random.uniform(-30, 30), Image.BICUBIC, fillcolor=self._colour())
        return ground

    def _shapes(self):
        """A drawing of blobs, lines, arcs and a few labels over a gradient."""
        picture = self._gradient()
        draw = ImageDraw.Draw(picture)
        for _ in range(self.random.integers(10, 30)):
            self._blob(draw, self._point(), self.random.uniform(0.03, 0.25) * self.side, self._colour())
        for _ in range(self.random.integers(5, 25)):
            draw.line([self._point(), self._point()], fill=self._colour(), width=int(self.random.integers(2, 14)))
        for _ in range(self.random.integers(2, 8)):
            x, y = self._point(0)
            r = self.random.uniform(0.05, 0.3) * self.side
            draw.arc([x - r, y - r, x + r, y + r], self.random.uniform(0, 180), self.random.uniform(180, 360),
                     fill=self._colour(), width=int(self.random.integers(3, 12)))
        for _ in range(self.random.integers(0, 5)):
            draw.text(self._point(0), self._words(1), fill=self._colour(), font=self._font(self.random.uniform(30, 90)))
        return picture

    def _leaves(self):
        """Dead leaves: blobs covering each other, radii falling off by a power law, with some texture on all of it."""
        picture = self._gradient()
        draw = ImageDraw.Draw(picture)
        palette = [self._colour() for _ in range(6)]
        for _ in range(350):
            radius = min(0.3, 0.02 / math.sqrt(self.random.uniform(0.0045, 1))) * self.side
            base = palette[self.random.integers(len(palette))]
            colour = tuple(int(v) for v in (np.array(base) + self.random.normal(0, 25, 3)).clip(0, 255))
            self._blob(draw, self._point(), radius, colour)
        return self._textured(picture, self.random.uniform(0, 18))

    def _patterns(self):
        """Patches of stripes, checks, rings and dots at periods of 3 to 24 pixels."""
        y, x = np.mgrid[0:self.side, 0:self.side].astype(np.float32)
        picture = self._gradient()
        for _ in range(self.random.integers(4, 8)):
            period = self.random.uniform(3.5, 24) * OVERSAMPLING
            angle = self.random.uniform(0, math.pi)
            u = x * math.cos(angle) + y * math.sin(angle)
            v = y * math.cos(angle) - x * math.sin(angle)
            cx, cy = self._point()
            wave_u, wave_v = np.sin(2 * math.pi * u / period), np.sin(2 * math.pi * v / period)
            wave = [wave_u, wave_u * wave_v, np.sin(2 * math.pi * np.hypot(x - cx, y - cy) / period),
                    np.minimum(wave_u, wave_v) - 0.2][self.random.integers(4)]
            hard = wave > 0 if self.random.random() < 0.6 else (wave + 1) / 2
            colours = [np.array(self._colour(), np.float32) for _ in range(2)]
            weight = np.asarray(hard, np.float32)[..., None]
            patch = Image.fromarray((colours[0] * weight + colours[1] * (1 - weight)).clip(0, 255).astype(np.uint8))
            mask = Image.new("L", picture.size)
            self._blob(ImageDraw.Draw(mask), self._point(-0.1), self.random.uniform(0.2, 0.5) * self.side, 255)
            picture.paste(patch, mask=mask)
        return picture

    def _landscape(self):
        """Sky with clouds and a sun, ridges of fractal hills, trees along them, a sign."""
        sky = self._textured(self._gradient(120), 15)
        draw = ImageDraw.Draw(sky)
        x, y = self.random.uniform(0.1, 0.9) * self.side, self.random.uniform(0.08, 0.35) * self.side
        radius = self.random.uniform(0.04, 0.1) * self.side
        draw.ellipse([x - radius, y - radius, x + radius, y + radius], fill=(255, 240, 190))
        for ridge in range(4):
            base = (0.4 + 0.15 * ridge) * self.side
            rough = self._clouds(4, 6, 0.55)[0] * 0.12 * self.side
            line = [(float(k), float(base + rough[k])) for k in range(self.side)]
            hill = Image.new("L", sky.size)
            ImageDraw.Draw(hill).polygon(line + [(self.side, self.side), (0, self.side)], fill=255)
            ground = Image.new("RGB", sky.size, self._colour(20 + 15 * (3 - ridge), 110 + 30 * (3 - ridge)))
            sky.paste(self._textured(ground, 8 + 6 * ridge), mask=hill)
            for _ in range(self.random.integers(2, 10)):
                self._tree(ImageDraw.Draw(sky), line[self.random.integers(self.side)], 0.03 + 0.025 * ridge)
        if self.random.random() < 0.6:
            self._sign(ImageDraw.Draw(sky))
        return sky

    def _tree(self, draw, foot, height):
        """A fir: a trunk and three triangles, with its foot a little below the ridge."""
        x, y = foot[0], foot[1] + 0.02 * self.side
        h = height * self.side * self.random.uniform(0.7, 1.4)
        draw.line([(x, y), (x, y - h)], fill=(60, 40, 25), width=max(2, int(h / 12)))
        green = tuple(int(self.random.integers(low, high)) for low, high in ((10, 60), (60, 130), (20, 70)))
        for level in range(3):
            top, width = y - h * (1.25 - 0.3 * level), h * (0.2 + 0.1 * level)
            draw.polygon([(x, top), (x - width, top + 0.45 * h), (x + width, top + 0.45 * h)], fill=green)

    def _sign(self, draw):
        text, font = self._words(1), self._font(self.random.uniform(30, 54))
        left, top, right, bottom = draw.textbbox(self._point(-0.25), text, font=font)
        board = [left - 12, top - 10, right + 12, bottom + 10]
        draw.rectangle(board, fill=(250, 248, 235), outline=(30, 30, 30), width=4)
        draw.text((left, top), text, fill=(20, 20, 30), font=font, anchor="lt")
