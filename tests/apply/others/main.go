// Command others stands in for the small providers beside azurerm, with what the products use of them; its own name
// tells which one it is. A pause takes no time: the stand-in for Azure is told that it has passed. A password is
// random. What azapi would change is remembered and sent to nobody.
package main

import (
	"context"
	"crypto/rand"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	eschema "github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	pschema "github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

type other struct{ name string }

func (p other) Metadata(_ context.Context, _ provider.MetadataRequest, r *provider.MetadataResponse) {
	r.TypeName = p.name
}

func (p other) Schema(_ context.Context, _ provider.SchemaRequest, r *provider.SchemaResponse) {
	if p.name == "azapi" {
		r.Schema.Attributes = map[string]pschema.Attribute{"skip_provider_registration": pschema.BoolAttribute{Optional: true}}
	}
}

func (p other) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

func (p other) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p other) Resources(context.Context) []func() resource.Resource {
	id := schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
	text := schema.StringAttribute{Optional: true}
	switch p.name {
	case "time":
		return one(made{"time_sleep", schema.Schema{Attributes: map[string]schema.Attribute{
			"id": id, "create_duration": text, "destroy_duration": text,
			"triggers": schema.MapAttribute{Optional: true, ElementType: types.StringType},
		}}})
	case "azapi":
		return one(made{"azapi_update_resource", schema.Schema{Attributes: map[string]schema.Attribute{
			"id": id, "type": text, "resource_id": text, "body": schema.DynamicAttribute{Optional: true},
		}}})
	}
	return nil
}

func (p other) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	if p.name != "random" {
		return nil
	}
	return []func() ephemeral.EphemeralResource{func() ephemeral.EphemeralResource { return password{} }}
}

func one(m made) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return m }}
}

// A resource that is nowhere but in the state.
type made struct {
	name   string
	schema schema.Schema
}

func (m made) Metadata(_ context.Context, _ resource.MetadataRequest, r *resource.MetadataResponse) {
	r.TypeName = m.name
}

func (m made) Schema(_ context.Context, _ resource.SchemaRequest, r *resource.SchemaResponse) {
	r.Schema = m.schema
}

func (m made) Create(ctx context.Context, q resource.CreateRequest, r *resource.CreateResponse) {
	r.State.Raw = q.Plan.Raw
	r.Diagnostics.Append(r.State.SetAttribute(ctx, path.Root("id"), rand.Text())...)
	if m.name == "time_sleep" {
		var wait types.String
		r.Diagnostics.Append(q.Plan.GetAttribute(ctx, path.Root("create_duration"), &wait)...)
		if d, err := time.ParseDuration(wait.ValueString()); err == nil {
			if err := tell(d); err != nil {
				r.Diagnostics.AddError("the clock of the stand-in for Azure does not answer", err.Error())
			}
		}
	}
}

func (m made) Read(_ context.Context, q resource.ReadRequest, r *resource.ReadResponse) {
	r.State.Raw = q.State.Raw
}

func (m made) Update(_ context.Context, q resource.UpdateRequest, r *resource.UpdateResponse) {
	r.State.Raw = q.Plan.Raw
}

func (m made) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}

func tell(d time.Duration) error {
	clock := os.Getenv("AZURE_CLOCK")
	answer, err := http.Post(clock, "text/plain", strings.NewReader(strconv.FormatFloat(d.Seconds(), 'f', 0, 64)))
	if err == nil {
		err = answer.Body.Close()
	}
	return err
}

type password struct{}

func (password) Metadata(_ context.Context, _ ephemeral.MetadataRequest, r *ephemeral.MetadataResponse) {
	r.TypeName = "random_password"
}

func (password) Schema(_ context.Context, _ ephemeral.SchemaRequest, r *ephemeral.SchemaResponse) {
	number := eschema.Int64Attribute{Optional: true}
	r.Schema.Attributes = map[string]eschema.Attribute{
		"length": eschema.Int64Attribute{Required: true}, "special": eschema.BoolAttribute{Optional: true},
		"min_lower": number, "min_upper": number, "min_numeric": number,
		"result": eschema.StringAttribute{Computed: true, Sensitive: true},
	}
}

func (password) Open(ctx context.Context, q ephemeral.OpenRequest, r *ephemeral.OpenResponse) {
	var length types.Int64
	r.Diagnostics.Append(q.Config.GetAttribute(ctx, path.Root("length"), &length)...)
	r.Result.Raw = q.Config.Raw.Copy()
	text := "aB3" + rand.Text() + rand.Text()
	r.Diagnostics.Append(r.Result.SetAttribute(ctx, path.Root("result"), text[:length.ValueInt64()])...)
}

func main() {
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "terraform-provider-")
	name, _, _ = strings.Cut(name, "_")
	owner := map[string]string{"azapi": "azure"}[name]
	if owner == "" {
		owner = "hashicorp"
	}
	serve := func() provider.Provider { return other{name} }
	err := providerserver.Serve(context.Background(), serve, providerserver.ServeOpts{
		Address: "registry.terraform.io/" + owner + "/" + name, ProtocolVersion: 6,
	})
	if err != nil {
		log.Fatal(err)
	}
}
