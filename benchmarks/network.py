"""The network's speed, the mini-project's way and ours: `python benchmarks/network.py`.

Training steps and inference, all ways in turns in one run; the best of the turns counts. The
mini-project works in contiguous float32 with Adam; ours in channels_last with fused AdamW, in
bfloat16 where the processor multiplies it. ONNX Runtime and OpenVINO are peers, timed where they
are installed (`pip install onnx onnxscript onnxruntime openvino`). Beside each is its rate in
GFLOP/s, and that of one large convolution of 512 channels: what the machine can do.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.architecture import architecture_table
from course_utils.bins import soft_encode
from course_utils.network import AB_SCALE, ColorizationNet, bf16_is_fast

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
FAST = bf16_is_fast(DEVICE)
Ways = dict[str, Callable[[], object]]


def best(ways: Ways, turns: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(turns + 1):  # the first turn warms up
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            if DEVICE == "cuda":
                torch.cuda.synchronize()
            taken[name].append(time.perf_counter() - began)
    return {name: min(each[1:]) for name, each in taken.items()}


def show(title: str, taken: dict[str, float], images: int, flop: float) -> None:
    print(f"\n{title}")
    reference = next(iter(taken.values()))
    for name, each in taken.items():
        rate = f"{flop / each / 1e9:7.0f} GFLOP/s" if flop else ""
        print(
            f"  {name:36}{1000 * each / images:8.2f} ms an image{images / each:8.1f} images/s"
            f"{reference / each:7.2f}x {rate}",
            flush=True,
        )


def forward_flop(width: float, size: int) -> float:
    net = ColorizationNet(width)
    head = 2 * net.model8[-1].weight.numel() * (size // 4) ** 2
    return sum(row["flop"] for row in architecture_table(net, size)) + head


def training(width: float, size: int, batch: int = 32, turns: int = 7) -> None:
    L = torch.rand(batch, 1, size, size, device=DEVICE) * 100
    ab = torch.randn(batch, 2, size, size, device=DEVICE) * 20

    def step(ours: bool, bf16: bool) -> Callable[[], None]:
        net = ColorizationNet(width).to(DEVICE)
        if ours:
            net.to(memory_format=torch.channels_last)
            optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4, fused=True)
        else:
            optimizer = torch.optim.Adam(net.parameters(), lr=3e-5, weight_decay=1e-3)

        def run() -> None:
            with torch.autocast(DEVICE, torch.bfloat16, enabled=bf16):
                loss = F.mse_loss(net(L).float() / AB_SCALE, ab / AB_SCALE)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        return run

    ways = {"mini-project": step(False, False), "ours in float32": step(True, False)}
    if FAST:
        ways["ours in bfloat16"] = step(True, True)
    taken = best(ways, turns)
    # A backward pass costs two forward passes.
    flop = 3 * batch * forward_flop(width, size)
    show(f"Training step, width {width}, {size} px, batch {batch}", taken, batch, flop)
    small = F.avg_pool2d(ab, 4)
    encoding = best({"encode": lambda: soft_encode(small)}, turns)["encode"]
    share = encoding / list(taken.values())[-1]
    print(f"  soft encoding of a batch costs {share:.1%} of our step")


@torch.inference_mode()
def inference(width: float, size: int, batch: int, turns: int = 9) -> None:
    L = torch.rand(batch, 1, size, size, device=DEVICE) * 100
    plain = ColorizationNet(width).eval().to(DEVICE)
    nets = {"mini-project": plain}
    for kind in ("float32", "bfloat16")[: 1 + FAST]:
        net = ColorizationNet(width).eval().to(DEVICE, memory_format=torch.channels_last)
        net.load_state_dict(plain.state_dict())
        if kind == "bfloat16":
            net.use_bfloat16()
        nets[f"ours in {kind}"] = net
    ways: Ways = {name: (lambda net=net: net(L)) for name, net in nets.items()}
    expected = plain(L)
    with tempfile.TemporaryDirectory() as folder:
        if DEVICE == "cpu":
            ways |= peers(plain, L, Path(folder))
        taken = best(ways, turns)
        flop = batch * forward_flop(width, size)
        show(f"Inference, width {width}, {size} px, batch {batch}", taken, batch, flop)
        for name, net in list(nets.items())[1:]:
            print(f"  {name}: ab differ by at most {abs(net(L) - expected).max():.2g}")


def peers(net: ColorizationNet, L: torch.Tensor, folder: Path) -> Ways:
    ways: Ways = {}
    with contextlib.suppress(ImportError):
        import onnxruntime

        file, options = folder / "net.onnx", onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        torch.onnx.export(net, (L,), str(file), dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(str(file), options)
        name, array = session.get_inputs()[0].name, L.numpy()
        ways["ONNX Runtime"] = lambda: session.run(None, {name: array})
    with contextlib.suppress(ImportError):
        import openvino

        model = openvino.convert_model(net, example_input=L)
        kind = "bf16" if FAST else "f32"
        settings = {
            "INFERENCE_PRECISION_HINT": kind,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        request = openvino.compile_model(model, "CPU", settings).create_infer_request()
        ways[f"OpenVINO in {kind}"] = lambda: request.infer([L.numpy()])
    return ways


@torch.inference_mode()
def limit() -> None:
    x = torch.rand(8, 512, 64, 64, device=DEVICE).to(memory_format=torch.channels_last)
    layer = nn.Conv2d(512, 512, 3, padding=1).to(DEVICE, memory_format=torch.channels_last)
    ways: Ways = {"float32": lambda: layer(x)}
    if FAST:
        low, y = nn.Conv2d(512, 512, 3, padding=1).to(DEVICE, torch.bfloat16), x.bfloat16()
        low.to(memory_format=torch.channels_last)
        ways["bfloat16"] = lambda: low(y)
    show(
        "The limit: a 3 x 3 convolution of 512 channels, 64 px, batch 8",
        best(ways, 9),
        8,
        2 * 9 * 512 * 512 * 64 * 64 * 8,
    )


def main() -> None:
    threads = f"{torch.get_num_threads()} threads"
    print(torch.cuda.get_device_name() if DEVICE == "cuda" else f"CPU, {threads}")
    limit()
    training(0.25, 64)
    training(0.5, 128, turns=2 if DEVICE == "cpu" else 9)
    inference(1.0, 256, 1)
    if DEVICE == "cuda":
        training(1.0, 256)
        inference(1.0, 256, 64)


if __name__ == "__main__":
    main()
