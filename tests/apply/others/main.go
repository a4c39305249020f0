// Command others stands in for the small providers beside azurerm, with what the products use of them; its own name
// tells which one it is. A pause takes no time: the stand-in for Azure is told that it has passed. A password is
// random. What azapi would change is remembered and sent to nobody. A release of Helm is noted with its cluster, there.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
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
	text := pschema.StringAttribute{Optional: true}
	switch p.name {
	case "azapi":
		r.Schema.Attributes = map[string]pschema.Attribute{"skip_provider_registration": pschema.BoolAttribute{Optional: true}}
	case "helm":
		list := pschema.ListAttribute{Optional: true, ElementType: types.StringType}
		exec := map[string]pschema.Attribute{"api_version": text, "command": text, "args": list}
		r.Schema.Attributes = map[string]pschema.Attribute{"kubernetes": pschema.SingleNestedAttribute{
			Required: true,
			Attributes: map[string]pschema.Attribute{
				"host": text, "cluster_ca_certificate": text, "exec": pschema.SingleNestedAttribute{Optional: true, Attributes: exec},
			},
		}}
	}
}

func (p other) Configure(ctx context.Context, q provider.ConfigureRequest, r *provider.ConfigureResponse) {
	if p.name == "helm" {
		var host types.String
		r.Diagnostics.Append(q.Config.GetAttribute(ctx, path.Root("kubernetes").AtName("host"), &host)...)
		r.ResourceData = host.ValueString()
	}
}

func (p other) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (p other) Resources(context.Context) []func() resource.Resource {
	id := schema.StringAttribute{Computed: true, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
	text := schema.StringAttribute{Optional: true}
	switch p.name {
	case "time":
		return one(&made{name: "time_sleep", schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"id": id, "create_duration": text, "destroy_duration": text,
			"triggers": schema.MapAttribute{Optional: true, ElementType: types.StringType},
		}}})
	case "azapi":
		return one(&made{name: "azapi_update_resource", schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"id": id, "type": text, "resource_id": text, "body": schema.DynamicAttribute{Optional: true},
		}}})
	case "helm":
		yes := schema.BoolAttribute{Optional: true}
		return one(&made{name: "helm_release", schema: schema.Schema{Attributes: map[string]schema.Attribute{
			"id": id, "name": text, "namespace": text, "repository": text, "chart": text, "version": text,
			"create_namespace": yes, "atomic": yes, "take_ownership": yes, "timeout": schema.Int64Attribute{Optional: true},
			"values": schema.ListAttribute{Optional: true, ElementType: types.StringType},
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

func one(m *made) []func() resource.Resource {
	return []func() resource.Resource{func() resource.Resource { return m }}
}

// A resource that is nowhere but in the state; a release is in its cluster, too.
type made struct {
	name   string
	schema schema.Schema
	host   string
}

func (m *made) Configure(_ context.Context, q resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	m.host, _ = q.ProviderData.(string)
}

func (m *made) Metadata(_ context.Context, _ resource.MetadataRequest, r *resource.MetadataResponse) {
	r.TypeName = m.name
}

func (m *made) Schema(_ context.Context, _ resource.SchemaRequest, r *resource.SchemaResponse) {
	r.Schema = m.schema
}

func (m *made) Create(ctx context.Context, q resource.CreateRequest, r *resource.CreateResponse) {
	r.State.Raw = q.Plan.Raw
	r.Diagnostics.Append(r.State.SetAttribute(ctx, path.Root("id"), rand.Text())...)
	if m.name == "time_sleep" {
		var wait types.String
		r.Diagnostics.Append(q.Plan.GetAttribute(ctx, path.Root("create_duration"), &wait)...)
		if d, err := time.ParseDuration(wait.ValueString()); err == nil {
			if _, err := tell("POST", "/clock", strconv.FormatFloat(d.Seconds(), 'f', 0, 64)); err != nil {
				r.Diagnostics.AddError("the clock of the stand-in for Azure does not answer", err.Error())
			}
		}
	}
	if m.name == "helm_release" {
		if status, err := m.release(ctx, "PUT", q.Plan); err != nil || status != http.StatusOK {
			r.Diagnostics.AddError("the cluster does not answer", fmt.Sprint(status, err))
		}
	}
}

// What becomes of a release in its cluster.
func (m *made) release(ctx context.Context, method string, of interface {
	GetAttribute(context.Context, path.Path, any) diag.Diagnostics
}) (int, error) {
	var name types.String
	of.GetAttribute(ctx, path.Root("name"), &name)
	return tell(method, "/releases/"+strings.TrimPrefix(m.host, "https://")+"/"+name.ValueString(), "")
}

func (m *made) Read(ctx context.Context, q resource.ReadRequest, r *resource.ReadResponse) {
	r.State.Raw = q.State.Raw
	if m.name == "helm_release" {
		switch status, err := m.release(ctx, "GET", q.State); {
		case err != nil || status == http.StatusBadGateway:
			r.Diagnostics.AddError("the cluster does not answer", fmt.Sprint(status, err))
		case status == http.StatusNotFound:
			r.State.RemoveResource(ctx)
		}
	}
}

func (m *made) Update(_ context.Context, q resource.UpdateRequest, r *resource.UpdateResponse) {
	r.State.Raw = q.Plan.Raw
}

func (m *made) Delete(ctx context.Context, q resource.DeleteRequest, r *resource.DeleteResponse) {
	if m.name == "helm_release" {
		if status, err := m.release(ctx, "DELETE", q.State); err != nil || status == http.StatusBadGateway {
			r.Diagnostics.AddError("the cluster does not answer", fmt.Sprint(status, err))
		}
	}
}

func tell(method, where, body string) (int, error) {
	request, err := http.NewRequest(method, os.Getenv("AZURE_STAND_IN")+where, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
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
