// A dashboard as Grafana's own types want it. A test writes a board's JSON behind `satisfies Board` and has tsc judge it:
// a member that Grafana does not know, a value that it does not take and a panel's options of another panel are errors.
import type { Dashboard, DataSourceRef, FieldConfig, Panel, RowPanel, TableFieldOptions } from "@grafana/schema";
import type { FieldConfig as HeatmapField, Options as HeatmapOptions } from "@grafana/schema/dist/esm/raw/composable/heatmap/panelcfg/x/HeatmapPanelCfg_types.gen";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as TableOptions } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type { FieldConfig as TimeSeriesField, Options as TimeSeriesOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** The type as JSON can hold it: an enum's value is its plain text or number. */
type Plain<T> = T extends string ? `${T}` : T extends number | boolean | null | undefined | unknown[] ? (T extends (infer E)[] ? Plain<E>[] : T) : { [K in keyof T]: Plain<T[K]> };

/** A query of the Prometheus data source; its types are in no package without all of Grafana's interface. */
interface Query {
  refId: string;
  expr: string;
  datasource: DataSourceRef;
  editorMode?: "code" | "builder";
  legendFormat?: string;
  format?: "time_series" | "table" | "heatmap";
  range?: boolean;
  instant?: boolean;
  exemplar?: boolean;
  interval?: string;
}

/** A panel of a kind: what of it depends on the kind, and what does not. Members without a type of their own are left out. */
type Of<Kind extends string, Options, Field> = Plain<Omit<Panel, "type" | "options" | "fieldConfig" | "targets">> & {
  type: Kind;
  options: Plain<Options>;
  fieldConfig: {
    defaults: Plain<Omit<FieldConfig, "custom">> & { custom?: Plain<Partial<Field>> };
    overrides: NonNullable<Panel["fieldConfig"]>["overrides"];
  };
  targets: Query[];
};

type AnyPanel =
  | Of<"timeseries", TimeSeriesOptions, TimeSeriesField>
  | Of<"stat", StatOptions, never>
  | Of<"table", TableOptions, TableFieldOptions>
  | Of<"heatmap", HeatmapOptions, HeatmapField>
  | Plain<RowPanel>;

/** What an annotation asks Prometheus; Grafana's own type of it knows no data source's members. */
interface Annotation {
  expr?: string;
  step?: string;
  titleFormat?: string;
  textFormat?: string;
  tagKeys?: string;
  useValueForTime?: boolean;
}

/** A variable; of its query's text, which Grafana writes beside it, the type knows nothing. */
type Variable = Plain<NonNullable<NonNullable<Dashboard["templating"]>["list"]>[number]> & { definition?: string };

export type Board = Plain<Omit<Dashboard, "panels" | "annotations" | "templating">> & {
  panels: AnyPanel[];
  templating: { list: Variable[] };
  annotations: { list: (Plain<NonNullable<NonNullable<Dashboard["annotations"]>["list"]>[number]> & Annotation)[] };
};
