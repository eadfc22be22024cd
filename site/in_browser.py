"""What the front page colors photos with: networks as ONNX files, ONNX Runtime Web, and samples.

conf.py calls `build` when the pages are made. The runtime comes from npm's own registry and is
checked against its published hash; without npm or a connection the site is built all the same,
and the front page says that it cannot color.
"""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image
from skimage import data as skimage_data
from torch import Tensor, nn

from course_utils import colorize as coloring
from course_utils import network, upsampling
from course_utils.photos import sample_photo
from course_utils.plumbing.limits import MOST_SEEN, STRIDE

NETWORKS = ("photographs", "photographs-vivid")  # cautious and vivid
# Photographs in the public domain or under CC0: see data/README.md; the camera is Lav Varshney's.
# The first one greets.
SAMPLES = {
    "camera": "a man with a camera",
    "cat": "a cat",
    "rocket": "a rocket at night",
    "astronaut": "an astronaut",
}
RUNTIME = "onnxruntime-web@1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
RUNTIME_FILES = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)


class SmallAb(nn.Module):
    """L of the view (1, 1, 8r, 8c) and a temperature () -> ab (1, 2, 2r, 2c). An L2 network has no
    temperature, and ignores it."""

    def __init__(self, model: network.ColorizationNet) -> None:
        super().__init__()
        self.model = model
        if model.head == "classification":
            model.set_temperature(1.0)

    def forward(self, lightness: Tensor, temperature: Tensor) -> Tensor:
        logits = self.model.logits(lightness)
        if self.model.head == "classification":
            logits = logits / temperature
        return self.model.to_quarter_ab(logits)


class Edges(nn.Module):
    """L (1, 1, 8r, 8c) and small ab (1, 2, 2r, 2c) -> what `colorize` enlarges, (1, 4, 8r, 8c)."""

    def forward(self, lightness: Tensor, ab: Tensor) -> Tensor:
        return upsampling.lines_of_lightness(upsampling.joint_bilateral(ab, lightness), lightness)


def build(folder: Path) -> None:
    """Write all that the page's scripts fetch into a folder; what is up to date is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    view, small = torch.rand(1, 1, 96, 128) * 100, torch.zeros(1, 2, 24, 32)
    sources = [Path(module.__file__) for module in (upsampling, network)] + [Path(__file__)]
    if is_older(folder / "edges.onnx", *sources):
        export(Edges(), {"lightness": (view, 8), "ab": (small, 2)}, folder / "edges.onnx")
    about = {"stride": STRIDE, "longest": coloring.LONGEST, "mostSeen": MOST_SEEN, "size": {}}
    for name in NETWORKS:
        model, file = coloring.load_model(name, "cpu"), folder / f"{name}.onnx"
        about["size"][name] = model.size
        if is_older(file, coloring.WEIGHTS / f"{name}.safetensors", *sources):
            inputs = {"lightness": (view, 8), "temperature": (torch.tensor(1.0), None)}
            export(SmallAb(model), inputs, file)
    draw_samples(folder)
    about["missing"] = fetch_runtime(folder / "ort")
    (folder / "about.json").write_text(json.dumps(about))


def is_older(file: Path, *sources: Path) -> bool:
    """Whether a file is missing, or older than one of those that it is made from."""
    newest = max(source.stat().st_mtime for source in sources)
    return not file.exists() or file.stat().st_mtime < newest


def export(module: nn.Module, inputs: dict[str, tuple[Tensor, int | None]], file: Path) -> None:
    """Write a module as ONNX, with kernels in 8 bits.

    Args:
        inputs: of each an example, and what its free height and width are multiples of.
    """
    rows, columns = (torch.export.Dim(name, min=1, max=MOST_SEEN) for name in ("rows", "columns"))
    free = [step and {2: step * rows, 3: step * columns} for _, step in inputs.values()]
    program = torch.onnx.export(
        module.eval(),
        tuple(example for example, _ in inputs.values()),
        input_names=list(inputs),
        dynamic_shapes=free,
        dynamo=True,
        verbose=False,
    )
    file.write_bytes(in_8_bits(program.model_proto).SerializeToString())


def in_8_bits(model: onnx.ModelProto) -> onnx.ModelProto:
    """Kernels of convolutions as `save_weights(small=True)` stores them: a quarter of the size."""
    graph = model.graph
    for kernel in [each for each in graph.initializer if len(each.dims) == 4]:
        name, values = kernel.name, numpy_helper.to_array(kernel)
        scale = (abs(values).max(axis=(1, 2, 3), keepdims=True) / 127).clip(1e-12)
        whole = (values / scale).round().astype(np.int8)
        graph.initializer.remove(kernel)
        graph.initializer.append(numpy_helper.from_array(whole, f"{name}.whole"))
        graph.initializer.append(numpy_helper.from_array(scale, f"{name}.scale"))
        to_float = {"to": onnx.TensorProto.FLOAT}
        cast = onnx.helper.make_node("Cast", [f"{name}.whole"], [f"{name}.float"], **to_float)
        scaled = onnx.helper.make_node("Mul", [f"{name}.float", f"{name}.scale"], [name])
        graph.node.insert(0, scaled)
        graph.node.insert(0, cast)
    return model


def draw_samples(folder: Path) -> None:
    """The samples, and the first one as the network colors it."""
    for name in SAMPLES:
        sample(name).save(folder / f"{name}.jpg", quality=92)
    first = next(iter(SAMPLES))
    colored = coloring.colorize(folder / f"{first}.jpg")
    colored.save(folder / f"{first}-colored.jpg", quality=92)


def sample(name: str) -> Image.Image:
    """One of `SAMPLES`, in black and white."""
    if name == "camera":  # it never had colors, and is no sample of the course
        return Image.fromarray(skimage_data.camera())
    return sample_photo(name).convert("L")


def temperature() -> float:
    """The one that the vivid network was saved with."""
    return coloring.load_model("photographs-vivid", "cpu").temperature.temperature


def fetch_runtime(folder: Path) -> str:
    """Fetch ONNX Runtime Web; returns what is missing to do so, or nothing."""
    if all((folder / name).exists() for name in RUNTIME_FILES):
        return ""
    npm = shutil.which("npm")
    if not npm:
        return "npm was not installed"
    with tempfile.TemporaryDirectory() as place:
        command = [npm, "pack", RUNTIME, "--silent", "--prefer-offline"]
        if subprocess.run(command, cwd=place, stdout=subprocess.DEVNULL).returncode:
            return f"npm could not fetch {RUNTIME}"
        archive = next(Path(place).glob("*.tgz"))
        digest = hashlib.sha512(archive.read_bytes()).digest()
        if base64.b64encode(digest).decode() != SHA512:
            raise ValueError(f"{RUNTIME}: expected the published sha512, got another file")
        folder.mkdir(exist_ok=True)
        with tarfile.open(archive) as packed:
            for name in RUNTIME_FILES:
                with packed.extractfile(f"package/dist/{name}") as source:
                    (folder / name).write_bytes(source.read())
    return ""
