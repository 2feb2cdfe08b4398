"""Long NUTS runs of the small-area models, summarised: what the approximation is compared with.

Run as ``python make_small_area_references.py NAME …`` in an environment that has numpyro; RNC_EPI_SHARED
tells where the geography lies for the sets on real maps. Everything is written beside this file, in
``small_area/``. The densities are written here from the papers, independently of the package: sums over
edges for the intrinsic field, eigenvalues for its scale and for the prior of the mixing parameter.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import numpyro
import numpyro.distributions as dist
import pandas as pd
import scipy.special
from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
from numpyro.infer import MCMC, NUTS

jax.config.update("jax_enable_x64", True)
HERE = Path(__file__).parent / "small_area"
SHARED = Path(os.environ.get("RNC_EPI_SHARED", Path(__file__).resolve().parents[3] / "shared"))
RATE = -np.log(0.01)  # P(sigma > 1) = 0.01


def lattice(rows: int, columns: int) -> np.ndarray:
    """Return the rook edges of a grid."""
    cell = np.arange(rows * columns).reshape(rows, columns)
    across = np.c_[cell[:, :-1].ravel(), cell[:, 1:].ravel()]
    down = np.c_[cell[:-1].ravel(), cell[1:].ravel()]
    return np.r_[across, down]


def real_edges(column: str) -> tuple[int, np.ndarray]:
    """Return the number of areas and the edges of a level of the real geography, areas in order of code."""
    communes = pd.read_csv(SHARED / "data/geography/communes.csv.gz", dtype=str)
    pairs = pd.read_csv(SHARED / "data/geography/commune_adjacency.csv.gz", dtype=str)
    of = dict(zip(communes["commune"], communes[column], strict=True))
    level = pd.DataFrame({"a": pairs["commune_a"].map(of), "b": pairs["commune_b"].map(of)}).dropna()
    level = level[level["a"] != level["b"]]
    codes = sorted(communes[column].dropna().unique())
    number = {code: k for k, code in enumerate(codes)}
    edges = np.sort(np.c_[level["a"].map(number), level["b"].map(number)].astype(int), axis=1)
    return len(codes), np.unique(edges, axis=0)


def structure(n: int, edges: np.ndarray):
    """Return per-edge weights (scaling), component label (-1 islands), eigenvalues and generalised inverse
    of the scaled R."""
    laplacian = np.zeros((n, n))
    laplacian[edges[:, 0], edges[:, 1]] = laplacian[edges[:, 1], edges[:, 0]] = -1
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    label = np.arange(n)
    for _ in range(n):
        new = label.copy()
        np.minimum.at(new, edges[:, 0], label[edges[:, 1]])
        np.minimum.at(new, edges[:, 1], label[edges[:, 0]])
        if (new == label).all():
            break
        label = new
    weight, eigenvalues, inverse = np.ones(n), [], np.zeros((n, n))
    component = np.full(n, -1)
    for k, root in enumerate(np.unique(label)):
        members = np.flatnonzero(label == root)
        if members.size == 1:
            eigenvalues.append([1.0])
            inverse[members, members] = 1.0
            continue
        component[members] = k
        block = laplacian[np.ix_(members, members)]
        pseudo = np.linalg.pinv(block, hermitian=True)
        weight[members] = np.exp(np.log(np.diag(pseudo)).mean())
        values = np.linalg.eigvalsh(block) * weight[members[0]]
        values[0] = 0.0
        eigenvalues.append(values)
        inverse[np.ix_(members, members)] = pseudo / weight[members[0]]
    return weight, component, np.concatenate(eigenvalues), inverse


def mixing_transform(eigenvalues: np.ndarray):
    """Return phi as a function of a standard normal: penalised-complexity prior, P(phi < 1/2) = 2/3.

    The prior has much mass beside 1, where the logit of phi has tails that no sampler explores; its normal
    score has none of that. phi is cut at 1 - 6e-6.
    """
    null = eigenvalues < 1e-9
    excess = np.where(null, -1.0, 1.0 / np.where(null, 1.0, eigenvalues) - 1.0)
    logit = np.concatenate([np.linspace(-14, -2, 400), np.linspace(-2, 12, 3000)[1:]])
    phi = 1 / (1 + np.exp(-logit))
    distance = np.array([np.sqrt(np.maximum((p * excess - np.log1p(p * excess)).sum(), 1e-300)) for p in phi])
    half = np.sqrt((0.5 * excess - np.log1p(0.5 * excess)).sum())
    survival = np.exp(np.log(1 / 3) * distance / half)
    score = -scipy.special.ndtri(survival)
    keep = np.isfinite(score) & (phi > 1e-5)
    return lambda t: jax.nn.sigmoid(jnp.interp(t, jnp.asarray(score[keep]), jnp.asarray(logit[keep])))


def spatial_parts(n, edges):
    """Return a function that samples (sigma, phi, u) with u the scaled intrinsic field, centred per
    component."""
    weight, component, eigenvalues, _ = structure(n, edges)
    phi_of = mixing_transform(eigenvalues)
    edge_weight = jnp.asarray(weight[edges[:, 0]])
    a, b = jnp.asarray(edges[:, 0]), jnp.asarray(edges[:, 1])
    groups = [np.flatnonzero(component == k) for k in np.unique(component[component >= 0])]
    group_of, sizes = np.full(n, len(groups)), np.ones(len(groups) + 1)
    for k, members in enumerate(groups):
        group_of[members], sizes[k] = k, members.size
    inside = jnp.asarray((component >= 0).astype(float))
    group_of, sizes = jnp.asarray(group_of), jnp.asarray(sizes)

    def parts():
        sigma = numpyro.sample("sigma", dist.Exponential(RATE))
        phi = numpyro.deterministic("phi", phi_of(numpyro.sample("phi_score", dist.Normal(0, 1))))
        raw = numpyro.sample("raw", dist.ImproperUniform(dist.constraints.real, (), (n,)))
        mean = jax.ops.segment_sum(raw, group_of, sizes.size) / sizes
        # The level of each component is no part of the model: it is given a density of its own and forgotten.
        numpyro.factor("level", -0.5 * jnp.sum(mean[:-1] ** 2 * sizes[:-1]))
        u = raw - mean[group_of] * inside
        numpyro.factor(
            "field",
            -0.5 * jnp.sum(edge_weight * (raw[a] - raw[b]) ** 2) - 0.5 * jnp.sum((1 - inside) * raw**2),
        )
        return sigma, phi, u

    return parts


def bym2(data, n, edges, covariates, centred):
    """Return the BYM2 model of the counts."""
    observed, expected = jnp.asarray(data["observed"].to_numpy()), jnp.asarray(data["expected"].to_numpy())
    parts = spatial_parts(n, edges)

    def model():
        sigma, phi, u = parts()
        intercept = numpyro.sample("intercept", dist.Normal(0, np.sqrt(1000)))
        mean = intercept
        for k in range(covariates.shape[1]):
            mean = mean + numpyro.sample(f"beta_{k + 1}", dist.Normal(0, np.sqrt(1000))) * covariates[:, k]
        spatial, noise = mean + sigma * jnp.sqrt(phi) * u, sigma * jnp.sqrt(1 - phi)
        if centred:
            log_risk = numpyro.sample("log_risk", dist.Normal(spatial, noise).to_event(1))
        else:
            v = numpyro.sample("v", dist.Normal(jnp.zeros(n), 1).to_event(1))
            log_risk = numpyro.deterministic("log_risk", spatial + noise * v)
        numpyro.sample("y", dist.Poisson(expected * jnp.exp(log_risk)).to_event(1), obs=observed)

    return model


def classic(data, n, edges, kind):
    """Return BYM (unscaled) or Leroux with inverse-gamma(1, 0.01) variances, uniform rho, field summing to
    zero.

    The map is connected. CARBayes fits the same models, but centres its effects within each iteration and
    updates the variances as if that took no degree of freedom; here the constraint is exact.
    """
    observed, expected = jnp.asarray(data["observed"].to_numpy()), jnp.asarray(data["expected"].to_numpy())
    laplacian = np.zeros((n, n))
    laplacian[edges[:, 0], edges[:, 1]] = laplacian[edges[:, 1], edges[:, 0]] = -1
    np.fill_diagonal(laplacian, -laplacian.sum(axis=1))
    values, vectors = np.linalg.eigh(laplacian)
    values, vectors = jnp.asarray(values[1:]), jnp.asarray(vectors[:, 1:])

    def variance(name):
        return 1.0 / numpyro.sample(name, dist.Gamma(1.0, 0.01))

    def model():
        intercept = numpyro.sample("intercept", dist.Normal(0, np.sqrt(1e5)))
        z = numpyro.sample("z", dist.Normal(jnp.zeros(n - 1), 1).to_event(1))
        if kind == "leroux":
            tau2 = numpyro.deterministic("tau2", variance("precision"))
            rho = numpyro.sample("rho", dist.Uniform(0, 1))
            field = vectors @ (jnp.sqrt(tau2 / (rho * values + 1 - rho)) * z)
        else:
            tau2 = numpyro.deterministic("tau2", variance("precision"))
            sigma2 = numpyro.deterministic("sigma2", variance("noise_precision"))
            v = numpyro.sample("v", dist.Normal(jnp.zeros(n), 1).to_event(1))
            field = vectors @ (jnp.sqrt(tau2 / values) * z) + jnp.sqrt(sigma2) * v
        log_risk = numpyro.deterministic("log_risk", intercept + field)
        numpyro.sample("y", dist.Poisson(expected * jnp.exp(log_risk)).to_event(1), obs=observed)

    return model


def spacetime(data, n, edges, periods, interaction):
    """Return BYM2 + random walk + interaction I (white) or II (a random walk in each area); cells area by
    area."""
    observed, expected = jnp.asarray(data["observed"].to_numpy()), jnp.asarray(data["expected"].to_numpy())
    parts = spatial_parts(n, edges)
    *_, inverse = structure(periods, np.c_[np.arange(periods - 1), np.arange(1, periods)])
    values, vectors = np.linalg.eigh(inverse)
    root = jnp.asarray(vectors[:, 1:] * np.sqrt(values[1:]))  # (periods, periods - 1): scaled walk, sum zero

    def model():
        sigma, phi, u = parts()
        time_sd = numpyro.sample("sigma_time", dist.Exponential(RATE))
        interaction_sd = numpyro.sample("sigma_interaction", dist.Exponential(RATE))
        intercept = numpyro.sample("intercept", dist.Normal(0, np.sqrt(1000)))
        v = numpyro.sample("v", dist.Normal(jnp.zeros(n), 1).to_event(1))
        walk = numpyro.sample("walk", dist.Normal(jnp.zeros(periods - 1), 1).to_event(1))
        area = intercept + sigma * (jnp.sqrt(phi) * u + jnp.sqrt(1 - phi) * v)
        if interaction == "I":
            delta = numpyro.sample("delta", dist.Normal(jnp.zeros((n, periods)), 1).to_event(2))
        else:
            delta = numpyro.sample("delta", dist.Normal(jnp.zeros((n, periods - 1)), 1).to_event(2)) @ root.T
        cells = area[:, None] + time_sd * (root @ walk) + interaction_sd * delta
        log_risk = numpyro.deterministic("log_risk", cells.ravel())
        numpyro.sample("y", dist.Poisson(expected * jnp.exp(log_risk)).to_event(1), obs=observed)

    return model


def simulate(n, edges, median_expected, seed, sigma=0.35, phi=0.7, periods=1, spread=0.9):
    """Return invented counts on a map."""
    rng = np.random.default_rng(seed)
    _, _, _, inverse = structure(n, edges)
    values, vectors = np.linalg.eigh(inverse)
    u = vectors @ (np.sqrt(np.maximum(values, 0)) * rng.normal(size=n))
    log_risk = sigma * (np.sqrt(phi) * u + np.sqrt(1 - phi) * rng.normal(size=n))
    expected = np.round(median_expected * np.exp(spread * rng.normal(size=n)), 4)
    if periods == 1:
        return pd.DataFrame(
            {"observed": rng.poisson(expected * np.exp(log_risk)), "expected": np.maximum(expected, 0.01)}
        )
    walk = np.cumsum(rng.normal(size=periods)) * 0.1
    cells = (
        log_risk[:, None] + walk - walk.mean() + 0.15 * np.cumsum(rng.normal(size=(n, periods)), axis=1) / 2
    )
    expected = np.repeat(np.maximum(expected, 0.01), periods)
    return pd.DataFrame({"observed": rng.poisson(expected * np.exp(cells.ravel())), "expected": expected})


def islands_grid():
    """Return a 7 x 8 grid, a pair apart and two islands: 60 areas."""
    return 60, np.r_[lattice(7, 8), [[56, 57]]]


def job(name: str):
    """Return (model, data, draws, warmup) of a reference set."""
    if name in ("grid_small", "grid_large"):
        n, edges = islands_grid()
        data = simulate(
            n, edges, 2.0 if name.endswith("small") else 30.0, seed=11 if name.endswith("small") else 12
        )
        return bym2(data, n, edges, np.zeros((n, 0)), False), data, 40_000
    if name == "scotland_islands":
        table = pd.read_csv(SHARED / "oracles/small_area/scotland.csv")
        edges = pd.read_csv(SHARED / "oracles/small_area/scotland_edges_islands.csv").to_numpy() - 1
        data = pd.DataFrame({"observed": table["cases"], "expected": table["expected"]})
        return bym2(data, len(table), edges, table[["AFF"]].to_numpy() * 10, False), data, 40_000
    if name in ("scotland_bym", "scotland_leroux"):
        table = pd.read_csv(SHARED / "oracles/small_area/scotland.csv")
        edges = pd.read_csv(SHARED / "oracles/small_area/scotland_edges.csv").to_numpy() - 1
        data = pd.DataFrame({"observed": table["cases"], "expected": table["expected"]})
        return classic(data, len(table), edges, name.split("_")[1]), data, 60_000
    if name in ("departements_small", "departements_large"):
        n, edges = real_edges("departement")
        small = name.endswith("small")
        data = simulate(n, edges, 2.0 if small else 50.0, seed=21 if small else 22)
        return bym2(data, n, edges, np.zeros((n, 0)), False), data, 60_000 if small else 200_000
    if name in ("epci_small", "epci_large"):
        n, edges = real_edges("epci")
        small = name.endswith("small")
        data = simulate(n, edges, 2.0 if small else 20.0, seed=31 if small else 32)
        return bym2(data, n, edges, np.zeros((n, 0)), not small), data, 20_000
    if name in ("spacetime_I", "spacetime_II"):
        n, edges, periods = 37, lattice(6, 6), 8
        data = simulate(n, edges, 5.0, seed=41, periods=periods, spread=0.5)
        return spacetime(data, n, edges, periods, name.split("_")[1]), data, 40_000
    raise SystemExit(f"unknown reference {name}")


def main(name: str) -> None:
    """Run one reference and write its summaries."""
    model, data, draws = job(name)
    started = time.time()
    chains = []
    for chain in range(2):
        sampler = MCMC(
            NUTS(model, target_accept_prob=0.9), num_warmup=1500, num_samples=draws // 2, progress_bar=False
        )
        sampler.run(jax.random.PRNGKey(100 + chain))
        chains.append({k: np.asarray(v) for k, v in sampler.get_samples().items()})
    stack = {k: np.stack([c[k] for c in chains]) for k in chains[0]}
    log_risk = stack["log_risk"]
    flat = log_risk.reshape(-1, log_risk.shape[-1])
    summary = pd.DataFrame(
        {
            "observed": data["observed"].to_numpy(),
            "expected": data["expected"].to_numpy(),
            "log_mean": flat.mean(axis=0),
            "log_sd": flat.std(axis=0),
            "log_q025": np.quantile(flat, 0.025, axis=0),
            "log_median": np.median(flat, axis=0),
            "log_q975": np.quantile(flat, 0.975, axis=0),
            "risk_mean": np.exp(flat).mean(axis=0),
            "exceed_100": (flat > 0).mean(axis=0),
            "exceed_125": (flat > np.log(1.25)).mean(axis=0),
            "ess": np.round(effective_sample_size(log_risk)),
        }
    )
    HERE.mkdir(exist_ok=True)
    summary.to_csv(HERE / f"{name}.csv", index_label="area", float_format="%.5g")
    known = (
        "sigma",
        "phi",
        "sigma_time",
        "sigma_interaction",
        "tau2",
        "sigma2",
        "rho",
        "intercept",
        "beta_1",
    )
    rows = []
    for key in known:
        if key in stack:
            x = stack[key]
            q = np.quantile(x, [0.025, 0.5, 0.975])
            rows.append(
                [
                    key,
                    x.mean(),
                    x.std(),
                    *q,
                    round(float(effective_sample_size(x))),
                    float(split_gelman_rubin(x)),
                ]
            )
    columns = ["parameter", "mean", "sd", "q025", "median", "q975", "ess", "rhat"]
    pd.DataFrame(rows, columns=columns).to_csv(
        HERE / f"{name}_parameters.csv", index=False, float_format="%.5g"
    )
    print(name, f"{time.time() - started:.0f} s", "smallest ESS", summary["ess"].min(), flush=True)


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        main(wanted)
