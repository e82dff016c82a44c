import { ConfigScope } from "./config_scope.ts";
import { Module } from "./module.ts";
import type { Scope } from "./scope.ts";

/**
 * A module that is made from a config. Its children are fields, `q_proj = this.at.linear("q_proj", ...)`, in the order
 * of the reference's constructor: `at` and `config` are there before the fields of subclasses are made.
 */
export abstract class ConfiguredModule<C extends object> extends Module {
  /** Makes children, until the model is built. */
  readonly at: ConfigScope<C>;
  /** The config as this module sees it; reads are recorded for it. */
  readonly config: C;

  constructor(at: Scope, config: C) {
    super(at);
    this.at = new ConfigScope(at, config);
    this.config = this.at.config;
  }
}

/** A module that is made from a config for one layer. */
export abstract class LayerModule<C extends object> extends ConfiguredModule<C> {
  layer_idx: number;

  constructor(at: Scope, config: C, layer_idx: number) {
    super(at, config);
    this.layer_idx = layer_idx;
  }
}
