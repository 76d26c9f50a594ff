"""A sentence-embedding model made on the spot: one layer of random weights, a word a token."""

import json
from pathlib import Path

import numpy as np

WORDS = ("[UNK]", "a", "library", "lends", "120", "books", "on", "monday", "how", "many", "lamp")


def write(folder: Path, width: int = 384, seed: int = 1) -> Path:
    """Write it as sentence-transformers lays a model out; the folder."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    dice = np.random.Generator(np.random.PCG64(seed))
    wide = 8
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), width),
        "embeddings.position_embeddings.weight": (256, width),
        "embeddings.token_type_embeddings.weight": (2, width),
    }
    layer = "encoder.layer.0."
    for name in ("attention.self.query", "attention.self.key", "attention.self.value",
                 "attention.output.dense"):  # fmt: skip
        shapes |= {f"{layer}{name}.weight": (width, width), f"{layer}{name}.bias": (width,)}
    shapes |= {f"{layer}intermediate.dense.weight": (wide, width),
               f"{layer}intermediate.dense.bias": (wide,),
               f"{layer}output.dense.weight": (width, wide),
               f"{layer}output.dense.bias": (width,)}  # fmt: skip
    weights = {n: dice.normal(0, 0.1, shape).astype(np.float32) for n, shape in shapes.items()}
    for name in ("embeddings.LayerNorm", f"{layer}attention.output.LayerNorm",
                 f"{layer}output.LayerNorm"):  # fmt: skip
        weights |= {f"{name}.weight": np.ones(width, np.float32),
                    f"{name}.bias": np.zeros(width, np.float32)}  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors")
    tokenizer = Tokenizer(models.WordLevel({w: at for at, w in enumerate(WORDS)}, "[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": "bert", "hidden_size": width, "num_attention_heads": 12,
              "num_hidden_layers": 1}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return folder
